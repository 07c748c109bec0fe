from api.commands.output import stages_shown


def test_without_a_terminal_a_stage_is_told_when_it_begins_ends_and_begins_again(capsys):
    with stages_shown() as progress:
        for stage, done, total in [
            ("fit", 0, 3),
            ("fit", 1, 3),
            ("fit", 3, 3),
            ("read [titles]", 0, 9),
            ("read [titles]", 8, 9),
            ("fit", 0, 3),
            ("fit", 1, 3),
        ]:
            progress(stage, done, total)
    said = capsys.readouterr()
    assert said.out == ""
    told = [line.rsplit(" (", 1)[0] for line in said.err.splitlines()]
    assert told == ["fit: 0 of 3", "fit: 3 of 3", "read [titles]: 0 of 9", "fit: 0 of 3"]
