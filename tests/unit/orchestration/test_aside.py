import os

from orchestration.aside import aside


def test_what_libraries_print_goes_aside_and_an_answer_stands_alone(capfd, tmp_path):
    with aside():
        os.write(1, b"a solver's banner")
    with aside(tmp_path / "log"):
        os.write(1, b"kept")
    print("answer")
    assert capfd.readouterr().out == "answer\n"
    assert (tmp_path / "log").read_text() == "kept"
