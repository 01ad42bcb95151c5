"""
`python -m pointsman.cli.simulated`: the simulated vendor as a process of its own.
"""

import asyncio
import signal

import click
import uvloop

from pointsman.cli.simulated.behaviour import Behaviour
from pointsman.cli.simulated.vendor import start


@click.command()
@click.option("--host", default="127.0.0.1", show_default=True, help="The address to listen on.")
@click.option("--port", default=0, show_default=True, help="The port to listen on; 0 takes a free one.")
@click.option("--seed", default=0, show_default=True, help="The same seed gives the same answers.")
@click.option("--speed", type=click.FloatRange(0, min_open=True), default=1.0, show_default=True, help="Divides every delay of the models.")
@click.option("--key", default=None, help="The only credential to accept; by default any.")
def main(host: str, port: int, *, seed: int, speed: float, key: str | None) -> None:
    """Serve a simulated vendor until a signal ends it."""
    uvloop.run(_serve(Behaviour(seed=seed, speed=speed, credential=key), host, port=port))


async def _serve(behaviour: Behaviour, host: str, *, port: int) -> None:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stop.set)
    running = await start(behaviour, host, port=port)
    click.echo(f"simulated vendor listens on http://{host}:{running.port}")
    await stop.wait()
    await running.close()


if __name__ == "__main__":
    main()
