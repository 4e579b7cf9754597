from pathlib import Path

import pytest

from ml.configuration.yaml_reader import read_yaml


def _read(tmp_path: Path, text: str | bytes):
    path = tmp_path / "a.yaml"
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    return read_yaml(path, "a.yaml")


@pytest.mark.parametrize(
    ("text", "remedy"),
    [
        ("a: 1\nb: 12:30", "quoted"),
        ("a: 1\nb: 0123", "octal"),
        ("a: 1\nb: 0x1F", "decimal"),
        ("a: 1\nb: 1_000", "underscores"),
        ("a: 1\nb: 1e6", "1000000"),
        ("a: 1\nb: .5", "both sides"),
        ("a: 1\nb: .nan", "not a number"),
        ("a: 1\nb: no", "true or false"),
        ("a: 1\nb: On", "true or false"),
        ("a: 1\nb: 2026-02-30", "calendar"),
        ("a: 1\nb: 2026-02-03T10:00:00Z", "without a time"),
        ("a: 1\na: 2", "twice"),
        ("a: 1\n<<: {b: 2}", "merging"),
        ("a: 1\nb: &x 2", "anchors"),
        ("a: 1\nb: *x", "aliases"),
        ("a: 1\nb: !!python/object/apply:os.system [id]", "tags"),
        ("a: 1\nb: !!float 2", "tags"),
        ("a: 1\n---\nb: 2", "one document"),
        ("a: 1\nb: [1, 2", "not YAML"),
        ("a: 1\n\tb: 2", "'\\t'"),
        ("a: 1\nb: " + 5_000 * "1", "100 characters"),
    ],
)
def test_a_yaml_trap_is_an_error_with_its_line(tmp_path, text, remedy):
    document = _read(tmp_path, text)
    assert [remedy in p.remedy for p in document.problems] == [True], document.problems
    assert document.problems[0].line in {2, 3}


def test_an_escape_beyond_unicode_is_refused(tmp_path):
    (problem,) = _read(tmp_path, 'a: "\\U00110000"').problems
    assert "not YAML" in problem.remedy


def test_a_long_text_that_is_nearly_a_number_is_read_at_once(tmp_path):
    text = 100_000 * "1_" + "x"  # held against the traps it would take some twenty minutes
    assert _read(tmp_path, f"a: {text}").data == {"a": text}


def test_a_trap_in_a_list_or_a_key_is_found_too(tmp_path):
    document = _read(tmp_path, "a:\n  - {b: [1, yes]}\non: 1\n")
    assert [(p.line, p.key) for p in document.problems] == [(2, "a.0.b.1"), (3, "")]


def test_plain_values_are_read_as_written(tmp_path):
    text = "i: -15\nf: 0.5\nt: true\nn: null\nd: 2026-01-05\nq: '0123'\nw: \"12:30\"\ns: none\ne:\n"
    data = _read(tmp_path, text).data
    assert {k: type(v).__name__ for k, v in data.items()} == {
        "i": "int", "f": "float", "t": "bool", "n": "NoneType", "d": "date", "q": "str", "w": "str", "s": "str", "e": "NoneType",
    }  # fmt: skip
    assert data["q"] == "0123"


def test_a_byte_order_mark_is_harmless_and_other_encodings_are_refused_with_the_line(tmp_path):
    assert _read(tmp_path, b"\xef\xbb\xbfa: 1").data == {"a": 1}
    assert _read(tmp_path, b"a: 1\nb: caf\xe9").problems[0].line == 2


def test_too_deep_or_too_large_a_file_is_refused(tmp_path):
    assert "deeper" in _read(tmp_path, "a: " + "[" * 30 + "]" * 30).problems[0].remedy
    assert "larger" in _read(tmp_path, "a: " + "x" * 1_000_001).problems[0].remedy


def test_lines_of_nested_keys_are_known(tmp_path):
    document = _read(tmp_path, "a:\n  b: 1\n  c:\n    - x\n    - y\n")
    assert document.line(("a", "c", 1)) == 5
    assert document.line(("a", "c", 1, "nowhere")) == 5
