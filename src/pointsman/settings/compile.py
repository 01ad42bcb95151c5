"""
The checked file → core values: one frozen snapshot, named by the hash of its content.
"""

import hashlib
from collections.abc import Mapping
from datetime import UTC, datetime

import msgspec
from msgspec.structs import replace

from pointsman.core.call import OutputSchema
from pointsman.core.capability import CachePolicy, Capability, Retries
from pointsman.core.http import Deadlines
from pointsman.core.label import CLASSES, Label, Level, a_label
from pointsman.core.money import nano
from pointsman.core.place import Feature, Place
from pointsman.core.principal import Digest, Key, Limit, LimitBy, Period, Scope
from pointsman.core.snapshot import FIRST_TARGET_BIT, Snapshot
from pointsman.core.target import Desk, Hardware, Price, Rates, Target, Terms, Vendor
from pointsman.settings import shape
from pointsman.settings.beside import DIGITS, Beside
from pointsman.settings.facts import Facts
from pointsman.settings.policy_text import PolicyText
from pointsman.settings.routing import routing_of


def when_s(text: str) -> float:
    """Return the Unix second of a UTC date or time. Raises `ValueError`."""
    moment = datetime.fromisoformat(text)
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def is_moment(text: str) -> bool:
    """Tell whether a text is a UTC date or time."""
    try:
        when_s(text)
    except (ValueError, OverflowError):
        return False
    return True


def digest(values: object) -> str:
    """Return the name of a value: the same for the same content, whatever its order."""
    return hashlib.sha256(msgspec.json.encode(values, order="deterministic")).hexdigest()[:DIGITS]


def vendors_of(file: shape.File, facts: Facts) -> dict[str, Vendor]:
    """Return the vendors: those of the file, and the known kinds that have an address of their own."""
    return {name: _vendor(name, told, facts=facts) for name, told in _told_vendors(file, facts).items() if told.kind in facts.vendors}


def _told_vendors(file: shape.File, facts: Facts) -> dict[str, shape.Vendor]:
    return {**{kind: shape.Vendor(kind=kind) for kind, known in facts.vendors.items() if known.base_url is not None}, **file.vendors}


def targets_of(file: shape.File, vendors: Mapping[str, Vendor], *, facts: Facts) -> dict[str, Target]:
    """Return the targets: those of the file, and `vendor/model` of the ladders."""
    told = dict(file.targets)
    sites = _told_vendors(file, facts)
    for capability in file.capabilities.values():
        beside = () if capability.routing is None else (capability.routing.second, capability.routing.judge)
        for name in (*capability.ladder, *filter(None, (capability.summariser, *beside))):
            vendor, slash, model = name.partition("/")
            if name not in told and slash and model and vendor in vendors:
                told[name] = shape.Target(vendor=vendor, model=model)
    return {
        name: _target(
            name,
            target,
            vendor=_zoned(vendors[target.vendor], sites[target.vendor], target=target, facts=facts),
            facts=facts,
            bit=index + FIRST_TARGET_BIT,
        )
        for index, (name, target) in enumerate(sorted(told.items()))
        if target.vendor in vendors
    }


def _zoned(vendor: Vendor, told: shape.Vendor, *, target: shape.Target, facts: Facts) -> Vendor:
    """Return the vendor as seen from a target, which may say that it stands elsewhere than is usual for the vendor's kind."""
    place = Place(target.place) if target.place is not None else facts.vendors[told.kind].place
    return replace(vendor, zone=zone_of(told, place))


def snapshot_of(
    file: shape.File, *, vendors: Mapping[str, Vendor], targets: Mapping[str, Target], beside: Beside, policy: PolicyText, learned: str = ""
) -> Snapshot:
    """Return the snapshot of a file without mistakes."""
    of = {one: name for name, workflow in file.workflows.items() for one in workflow.capabilities}
    name = digest({"file": msgspec.to_builtins(file), "beside": beside.digests, "policy": policy.digest})
    return Snapshot(
        digest=name,
        vendors=vendors,
        targets=targets,
        capabilities={key: _capability(key, told, targets=targets, beside=beside, workflow=of.get(key, key)) for key, told in file.capabilities.items()},
        rules=beside.rules,
        keys=tuple(_key(key, told, levels=policy.levels) for key, told in file.keys.items()),
        limits=tuple(_limit(told) for told in file.limits),
        learned=learned,
    )


def _vendor(name: str, told: shape.Vendor, *, facts: Facts) -> Vendor:
    known = facts.vendors[told.kind]
    return Vendor(
        name=name,
        kind=told.kind,
        base_url=told.base_url or known.base_url or "",
        credential=told.credential or (known.credential if told.base_url is None else None),
        region=told.region or (known.region if told.base_url is None or told.base_url == known.base_url or known.base_url is None else None),
        zone=zone_of(told, known.place),
        terms=terms_of(told.terms),
        ca_file=told.ca_file,
    )


def zone_of(told: shape.Vendor, usual: Place) -> str:
    """Return the zone of a vendor. One that says it is contracted, without terms that bear it out, is a public API."""
    if told.zone in ("private", "edge"):
        return told.zone
    if told.zone is None and usual is not Place.CLOUD:
        return "private" if usual is Place.PEOPLE else usual.value
    return "contracted" if terms_of(told.terms).bear_out_contract and told.zone in (None, "contracted") else "public_api"


def terms_of(told: shape.Terms) -> Terms:
    """Return what a vendor has agreed to."""
    return Terms(
        retention_days=told.retention_days,
        trains=told.trains,
        agreements=frozenset(told.agreements),
        certifications=frozenset(told.certifications),
        purposes=None if told.purposes is None else frozenset(told.purposes),
        reviewed_s=_moment_s(told.reviewed),
        next_review_s=_moment_s(told.next_review),
    )


def _moment_s(text: str | None) -> float | None:
    """Return the moment; a text that is none is told as a mistake elsewhere, and lies in the past here."""
    return None if text is None else when_s(text) if is_moment(text) else 0.0


def _target(name: str, told: shape.Target, *, vendor: Vendor, facts: Facts, bit: int) -> Target:
    known = facts.vendors[vendor.kind]
    place = Place(told.place) if told.place is not None else known.place
    return Target(
        name=name,
        bit=bit,
        place=place,
        model=told.model,
        vendor=vendor,
        dialect=known.dialect,
        accepts=Level[told.accepts.upper()],
        price=None if told.price is None else _price(told.price),
        hardware=None if told.hardware is None else Hardware(hourly_nano_usd=nano(told.hardware.hourly_usd)),
        desk=_desk(told.people) if place is Place.PEOPLE else None,
        context_tokens=told.context_tokens,
        max_output_tokens=told.max_output_tokens,
        features=frozenset(Feature) if told.features is None else frozenset(map(Feature, told.features)),
        deadlines=None if told.deadlines is None else _deadlines(told.deadlines),
    )


def _price(told: shape.Price) -> Price:
    return Price(
        price_id=f"contract:{told.id}",
        rates=Rates(
            tokens_in=nano(told.input_usd_per_million),
            tokens_out=nano(told.output_usd_per_million),
            cache_read=None if told.cache_read_usd_per_million is None else nano(told.cache_read_usd_per_million),
            cache_write=None if told.cache_write_usd_per_million is None else nano(told.cache_write_usd_per_million),
        ),
        per_request_nano_usd=nano(told.per_request_usd),
    )


def _desk(told: shape.People) -> Desk:
    return Desk(item_nano_usd=nano(told.item_usd), delay_s=told.delay_s, says=told.says)


def _deadlines(told: shape.Deadlines) -> Deadlines:
    return Deadlines(connect_s=told.connect_s, first_byte_s=told.first_byte_s, gap_s=told.gap_s, total_s=told.total_s)


def _capability(name: str, told: shape.Capability, *, targets: Mapping[str, Target], beside: Beside, workflow: str) -> Capability:
    schema = beside.schema(told.output_schema) if isinstance(told.output_schema, str) else told.output_schema
    cached = told.cache if isinstance(told.cache, shape.Cache) else shape.Cache() if told.cache else None
    retries, ladder = told.retries, tuple(targets[target] for target in told.ladder)
    return Capability(
        name=name,
        version=digest({"told": msgspec.to_builtins(told), "rules": beside.digests.get(told.rules or ""), "schema": schema}),
        ladder=ladder,
        owner=told.owner,
        rules=told.rules,
        cache=None if cached is None else CachePolicy(ttl_s=cached.ttl_s),
        deadlines=_deadlines(told.deadlines),
        retries=Retries(per_target=retries.per_target, budget=retries.budget, backoff_s=retries.backoff_s, longest_wait_s=retries.longest_wait_s),
        output=None if schema is None else OutputSchema(name=name, schema=schema),
        ceiling=Level.RESTRICTED if told.data_class is None else Level[told.data_class.upper()],
        unit=told.unit,
        workflow=workflow,
        purpose=told.purpose,
        unheeded=frozenset(told.ignore_findings),
        summariser=None if told.summariser is None else targets[told.summariser],
        routing=routing_of(told.routing, ladder, targets=targets),
    )


def _key(name: str, told: shape.Key, *, levels: Mapping[str, Level]) -> Key:
    before = () if told.previous is None else (Digest(sha256=told.previous.sha256, until_s=when_s(told.previous.until)),)
    return Key(
        key_id=name,
        digests=(Digest(sha256=told.sha256), *before),
        tenant=told.tenant,
        team=told.team,
        application=told.application,
        scopes=frozenset(map(Scope, told.scopes)),
        capabilities=None if told.capabilities is None else frozenset(told.capabilities),
        expires_s=None if told.expires is None else when_s(told.expires),
        label=declared(told, levels),
        groups=frozenset(told.groups),
        files=None if told.files is None else a_label(told.files, levels=levels),
    )


def declared(told: shape.Key, levels: Mapping[str, Level] = CLASSES) -> Label:
    """Return what a key declares about all data it sends."""
    names = (told.data_class,) if isinstance(told.data_class, str) else told.data_class
    return replace(
        a_label(*names, levels=levels),
        residency=None if told.residency is None else frozenset(told.residency),
        purposes=None if told.purposes is None else frozenset(told.purposes),
    )


def _limit(told: shape.Limit) -> Limit:
    return Limit(
        name=told.name,
        by=LimitBy(told.by),
        only=told.only,
        requests_per_minute=told.requests_per_minute,
        tokens_per_minute=told.tokens_per_minute,
        budget_nano_usd=None if told.budget_usd is None else nano(told.budget_usd),
        period=Period(told.period),
    )
