"""What was learned of conversations is kept under its digest, and scans are counted once their time is over."""

from types import SimpleNamespace

import pandas as pd
import pytest

from assets.conversations import count_scans, keep_journeys, kept_journeys, newest_journeys
from assets.home import Home
from ml.configuration.journeys import Journeys
from ml.journeys.model import JourneyModel, Scans


@pytest.fixture
def home(tmp_path):
    return Home(tmp_path).make()


def test_a_model_is_found_by_its_digest_and_the_newest_by_its_name(home):
    assert newest_journeys(home) == ""
    assert kept_journeys(home, "") is None
    model = JourneyModel.assumed(Journeys())
    sha256 = keep_journeys(home, model)
    assert newest_journeys(home) == sha256 == model.sha256
    assert kept_journeys(home, sha256) == model


def test_a_model_that_was_changed_or_never_kept_is_refused(home):
    sha256 = keep_journeys(home, JourneyModel.assumed(Journeys()))
    path = home.root / "journeys" / f"{sha256}.json"
    path.write_text(path.read_text().replace('"mailers": 0', '"mailers": 9'))
    with pytest.raises(ValueError, match="was changed"):
        kept_journeys(home, sha256)
    with pytest.raises(FileNotFoundError, match="materialize `journeys` again"):
        kept_journeys(home, "f" * 64)


def test_a_mailer_counts_once_it_had_time_to_be_scanned(home):
    folder = home.generation("g1")
    folder.mkdir(parents=True)
    touches = pd.DataFrame(
        [
            ("m1", "direct_mail", "2026-01-01"),
            ("m2", "direct_mail", "2026-01-02"),
            ("m3", "direct_mail", "2026-01-14"),  # too young
            (None, "direct_mail", "2025-06-01"),  # of the history: nobody tells of its scans
            ("m4", "email", "2026-01-15"),
        ],
        columns=["message_id", "channel", "sent_at"],
    )
    touches.assign(sent_at=pd.to_datetime(touches["sent_at"])).to_parquet(folder / "fct_touches.parquet")
    ledger = SimpleNamespace(outcomes=SimpleNamespace(messages_with=lambda *_: {"m1", "m3"}))
    assert count_scans(home, ledger, "g1", 10) == Scans(mailers=2, scanned=1)
