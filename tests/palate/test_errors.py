import re

import pytest

from palate import errors
from palate.errors import BadExport, InvalidInput, MissingExtra, PalateError, Unavailable


def test_every_error_is_public_and_in_the_tree() -> None:
    classes = {name: thing for name, thing in vars(errors).items() if isinstance(thing, type) and issubclass(thing, Exception)}
    assert sorted(classes) == errors.__all__
    assert all(issubclass(thing, PalateError) for thing in classes.values())
    assert errors.__doc__ is not None
    assert set(re.findall(r"\* (\w+)", errors.__doc__)) == set(classes)


def test_codes_tell_errors_apart() -> None:
    codes = [getattr(errors, name).code for name in errors.__all__]
    assert len(set(codes)) == len(codes)


def test_a_message_ends_with_its_remedy() -> None:
    error = InvalidInput("n is 99.", remedy="Use 1 to 50.", param="n")
    assert str(error) == "n is 99. Use 1 to 50."
    assert (error.message, error.remedy, error.param) == ("n is 99.", "Use 1 to 50.", "n")


def test_exports_name_the_place_and_extras_the_command() -> None:
    assert str(BadExport("no such column.", location="a.csv:1")) == "a.csv:1: no such column."
    error = MissingExtra("peft", "train")
    assert "palate[train]" in str(error)
    with pytest.raises(Unavailable, match="'peft'"):
        raise error
