from pathlib import Path

from msgspec.structs import replace

from pointsman.app.facts import Prices, facts
from pointsman.cli.demonstration.folder import ANSWER, FRONTIER, HYBRID, LOSS, Ports, Stage, clear, write
from pointsman.core.place import Place
from pointsman.settings.load import Settings, load

PORTS = Ports(gateway=18800, admin=18801, own_gpu=18802, cloud_a=18803, cloud_b=18804)


def loaded(folder: Path, speed: float = 1.0) -> Settings:
    return load(write(folder, PORTS, speed=speed), facts(Prices(lambda: 1_750_000_000_000)))


def test_the_configuration_has_no_mistakes_and_its_places_are_what_the_screen_says(tmp_path: Path) -> None:
    settings = loaded(tmp_path / "demo")
    ladder = settings.snapshot.capabilities[HYBRID].ladder
    assert [(target.name, target.place) for target in ladder] == [("small", Place.PRIVATE), ("mid", Place.CLOUD), ("frontier", Place.CLOUD)]
    assert [target.name for target in settings.snapshot.capabilities[FRONTIER].ladder] == ["frontier"]
    assert ANSWER in settings.snapshot.capabilities
    assert settings.server.listen == "127.0.0.1:18800"


def test_both_capabilities_promise_the_same_so_that_their_costs_can_be_compared(tmp_path: Path) -> None:
    capabilities = loaded(tmp_path).snapshot.capabilities
    ours, theirs = capabilities[HYBRID].output, capabilities[FRONTIER].output
    assert ours is not None
    assert theirs is not None
    assert ours.schema == theirs.schema


def test_hardware_costs_as_much_more_as_the_demo_is_faster_than_life(tmp_path: Path) -> None:
    slow, fast = loaded(tmp_path).snapshot.targets["small"].hardware, loaded(tmp_path, 10).snapshot.targets["small"].hardware
    assert slow is not None
    assert fast is not None
    assert fast.hourly_nano_usd == 10 * slow.hourly_nano_usd
    assert "10 times as fast" in (tmp_path / "pointsman.yaml").read_text()


def test_by_value_the_frontier_model_is_left_under_a_promise_only_and_everything_else_stays_as_it_was(tmp_path: Path) -> None:
    ordered = loaded(tmp_path).snapshot.capabilities[HYBRID]
    chosen = load(write(tmp_path, PORTS, speed=1, stage=Stage.BY_VALUE), facts(Prices(lambda: 1_750_000_000_000))).snapshot.capabilities[HYBRID]
    assert ordered.routing is None
    assert chosen.routing is not None
    assert (chosen.routing.incumbent.name, chosen.routing.guarantee, chosen.routing.loss) == ("frontier", True, LOSS)
    assert 0.03 <= LOSS <= 0.05
    assert chosen.routing.sure == 0.9
    assert replace(chosen, routing=None, version=ordered.version) == ordered


def test_what_an_earlier_demo_left_goes_and_nothing_else(tmp_path: Path) -> None:
    for name in ("pointsman.db", "pointsman.db-wal", "history.json", "learned.json", "mine.txt"):
        (tmp_path / name).write_text("old")
    for name in ("pointsman.audit", "learned"):
        (tmp_path / name / "0").mkdir(parents=True)
    clear(tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["mine.txt"]
