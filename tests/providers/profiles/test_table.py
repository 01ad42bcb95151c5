import pytest
from tests.values import a_target, a_vendor

from pointsman.core.place import Dialect, Place
from pointsman.providers.profiles.table import PROFILES, profile_of
from pointsman.providers.registry import BY_DIALECT


def test_every_kind_of_vendor_speaks_a_format_that_is_there() -> None:
    assert {profile.dialect for profile in PROFILES.values() if profile.place is not Place.PEOPLE} == BY_DIALECT.keys() == set(Dialect)


def test_people_speak_no_format() -> None:
    assert {profile.dialect for profile in PROFILES.values() if profile.place is Place.PEOPLE} == {None}


def test_a_local_server_is_found_at_the_port_of_its_address_and_needs_no_credential() -> None:
    local = [profile for profile in PROFILES.values() if profile.place is Place.PRIVATE]
    assert local
    for profile in local:
        assert profile.credential is None
        assert profile.base_url is not None
        assert f"127.0.0.1:{profile.port}/" in profile.base_url


def test_credentials_are_references_and_cloud_vendors_are_reached_by_tls() -> None:
    for profile in PROFILES.values():
        assert profile.credential is None or profile.credential.startswith("env:")
        if profile.place is Place.CLOUD and profile.base_url is not None:
            assert profile.base_url.startswith("https://")
            assert profile.credential is not None


def test_the_profile_of_a_target_is_that_of_its_vendors_kind() -> None:
    assert profile_of(a_target(vendor=a_vendor(kind="openai"))) is PROFILES["openai"]
    with pytest.raises(LookupError, match="`cache`"):
        profile_of(a_target("cache", vendor=None))
