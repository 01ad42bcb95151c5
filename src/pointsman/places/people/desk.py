"""
People as a place: the work is handed over, and the caller is told so at once. The call's id is its name in whatever queue people take it from.
"""

from pointsman.core.attempt import Attempt
from pointsman.core.call import Text
from pointsman.core.reply import Finish, Reply, Usage


class PeoplePlace:
    """Hands calls over to people. Their minutes are booked when the work is done, so handing over is free."""

    def hand_over(self, attempt: Attempt) -> Reply:
        """Return what the caller is told. Raises `ValueError` for a target where no people are."""
        desk = attempt.target.desk
        if desk is None:
            raise ValueError(f"nobody sits at the target `{attempt.target.name}`")
        return Reply(reply_id=f"person-{attempt.call.call_id}", model=attempt.target.model, finish=Finish.DONE, parts=(Text(desk.says),), usage=Usage())
