from api.commands import output
from api.commands.output import stages_shown


def test_without_a_terminal_a_stage_is_told_when_it_begins_and_begins_again(capsys):
    with stages_shown() as progress:
        for stage, done, total in [
            ("fit", 0, 2),
            ("fit", 1, 2),
            ("fit", 2, 2),
            ("read [titles]", 0, 9),
            ("fit", 0, 3),
            ("fit", 1, 3),
        ]:
            progress(stage, done, total)
    said = capsys.readouterr()
    assert said.out == ""
    assert said.err.splitlines() == ["fit (0 of 2)", "read [titles] (0 of 9)", "fit (0 of 3)"]


def test_a_stage_that_lasts_says_how_far_it_is_each_half_minute(capsys, monkeypatch):
    clock = [0.0]
    monkeypatch.setattr(output.time, "monotonic", lambda: clock[0])
    with stages_shown() as progress:
        for done in range(7):
            progress("train", done, 7)
            clock[0] += 12.0
    assert capsys.readouterr().err.splitlines() == ["train (0 of 7)", "train (3 of 7)", "train (6 of 7)"]
