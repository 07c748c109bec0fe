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
