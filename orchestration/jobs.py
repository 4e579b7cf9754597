"""Jobs: named selections of assets, each one unit of work that a person or a schedule starts."""

import dagster as dg

landing = dg.AssetSelection.groups("landing")
outcomes = dg.AssetSelection.assets("outcomes")
training = dg.AssetSelection.assets("training_frame", "response_models", "journeys")
dispatch = dg.AssetSelection.groups("dispatch")
reoptimization = dg.AssetSelection.assets("reoptimization")

whole_cycle = dg.AssetSelection.all() - reoptimization
until_scores = (dg.AssetSelection.groups("marts") | dg.AssetSelection.assets("candidate_scores")).upstream()
from_scores = whole_cycle - until_scores

cycle = dg.define_asset_job(
    "cycle",
    selection=whole_cycle,
    description="One daily campaign cycle: from the files that came in to the messages that are due.",
)
ingest = dg.define_asset_job(
    "ingest",
    selection=landing | outcomes | reoptimization,
    description="Takes in new files and re-optimizes the open rest of the day where they call for it.",
)
train = dg.define_asset_job(
    "train",
    selection=training,
    description="Fits response models on the latest published generation; the champion stays where the new one is worse.",
)
hand_over = dg.define_asset_job(
    "dispatch",
    selection=dispatch,
    description="Hands over what is released and due.",
)

ALL = [cycle, ingest, train, hand_over]
