"""The guard against slower parts, on made-up ratios."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from benchmarks import guard
from benchmarks.job import Job
from benchmarks.run import main

STORED = {"rfm": 3.0, "ks": 10.0}


@pytest.mark.parametrize("measured", [{"rfm": 3.0, "ks": 10.0}, {"rfm": 2.1, "ks": 90.0}])
def test_what_keeps_seven_tenths_of_its_ratio_passes(measured: dict[str, float]) -> None:
    verdict = guard.judge(measured, STORED, wanted=list(STORED))
    assert verdict.is_sound
    assert all(sentence.startswith("as before") for sentence in verdict.sentences)


def test_what_falls_below_it_fails_by_name_with_both_ratios_and_what_to_do() -> None:
    verdict = guard.judge({"rfm": 2.0, "ks": 10.0}, STORED, wanted=list(STORED))
    assert not verdict.is_sound
    slow, sound = verdict.sentences
    assert slow.startswith("SLOWER: rfm is 2.00 times")
    assert "was 3.00 times: 0.67 of it" in slow
    assert "QUICK=1 PARTS=rfm" in slow
    assert sound.startswith("as before: ks")


def test_a_part_that_was_not_measured_fails() -> None:
    verdict = guard.judge({"rfm": 3.0}, STORED, wanted=list(STORED))
    assert not verdict.is_sound
    assert verdict.sentences[1].startswith("MISSING: ks")


def test_a_part_that_is_not_stored_is_said_and_passes() -> None:
    verdict = guard.judge({"rfm": 3.0, "drift": 0.1}, STORED, wanted=["rfm", "drift"])
    assert verdict.is_sound
    assert verdict.sentences[1].startswith("not stored: drift is 0.10 times")


class Shop:
    """A machine on which each measurement gives the next of some made-up ratios."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, folder: Path, *rounds: dict) -> None:
        self.rounds = list(rounds)
        self.asked: list[list[str]] = []
        self.said: list[str] = []
        self.folder = folder
        monkeypatch.setattr(guard, "quick_job", lambda *_, **__: None)
        monkeypatch.setattr(guard, "measure_ratios", self.measure)

    def measure(self, job: Job | None, names: list[str], **_: object) -> tuple[dict, list]:
        self.asked.append(list(names))
        return dict(self.rounds.pop(0)), []

    def guard(self, *names: str, is_stored: bool = False, commit: str = "abc") -> int:
        return guard.guard(
            self.folder,
            names=names,
            commit=commit,
            processors=2,
            threads=2,
            is_stored=is_stored,
            say=self.said.append,
            path=self.folder / "quick.json",
        )


def test_stored_and_compared(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shop = Shop(monkeypatch, tmp_path, STORED, {"rfm": 2.5, "ks": 9.0})
    assert shop.guard("rfm", "ks", is_stored=True) == 0
    stored = json.loads((tmp_path / "quick.json").read_text())
    assert {name: part["ratio"] for name, part in stored.items()} == STORED
    assert shop.guard("rfm", "ks") == 0


def test_a_slow_part_is_measured_once_more(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    busy = {"rfm": 1.0, "ks": 10.0}
    shop = Shop(monkeypatch, tmp_path, STORED, busy, {"rfm": 3.0}, busy, {"rfm": 1.5})
    shop.guard("rfm", "ks", is_stored=True)
    assert shop.guard("rfm", "ks") == 0
    assert shop.guard("rfm", "ks") == 1
    assert shop.asked[2] == shop.asked[4] == ["rfm"]
    assert any(line.startswith("SLOWER: rfm is 1.50 times") for line in shop.said)


def test_without_stored_ratios_nothing_is_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(monkeypatch, tmp_path)
    assert shop.guard() == 2
    assert "STORE=1" in shop.said[0]


def test_one_part_is_stored_beside_the_others_with_its_own_commit(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop = Shop(monkeypatch, tmp_path, STORED, {"rfm": 9.0})
    shop.guard("rfm", "ks", is_stored=True)
    shop.guard("rfm", is_stored=True, commit="def")
    stored = json.loads((tmp_path / "quick.json").read_text())
    assert stored["rfm"]["ratio"] == 9.0
    assert [stored[name]["commit"] for name in STORED] == ["def", "abc"]


def test_a_part_that_is_gone_is_missed_when_all_are_measured(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ratios = dict.fromkeys(guard.QUICK_PARTS, 2.0)
    shop = Shop(monkeypatch, tmp_path, ratios, ratios)
    gone = {"former": {"ratio": 2.0, "commit": "abc", "date": "2020-01-01", "processors": 2}}
    (tmp_path / "quick.json").write_text(json.dumps(gone))
    shop.guard(is_stored=True)
    assert shop.guard() == 1
    assert any(line.startswith("MISSING: former") for line in shop.said)


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (["--quick", "--parts=grid"], "there is no part grid here; there are load, rfm"),
        (["--store"], "STORE=1 goes with QUICK=1"),
        (["--size=0"], "SIZE and REPEATS are whole numbers of at least 1"),
    ],
)
def test_what_cannot_be_measured_is_refused(
    arguments: list[str], sentence: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    assert sentence in capsys.readouterr().err


def test_stored_ratios_are_of_parts_that_there_are() -> None:
    if not guard.STORED.exists():
        pytest.skip(
            "nothing is stored; `make benchmark QUICK=1 STORE=1` on a quiet machine stores it"
        )
    stored = json.loads(guard.STORED.read_text())
    assert set(stored) <= set(guard.QUICK_PARTS)
    assert all(part["ratio"] > 0 and part["commit"] for part in stored.values())
