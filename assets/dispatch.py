"""Dispatch: eight assets, one a channel, that hand over what is released and due. Nothing here starts by itself."""

from datetime import datetime
from typing import Final

import dagster as dg

from assets.audience_members import take_back
from assets.channels.calling import calling_guard
from assets.channels.contract import Driver
from assets.channels.dispatch import DispatchCounts, dispatch
from assets.channels.guards import frequency_guard
from assets.channels.runtime import running
from assets.home import Home
from assets.ledger.ledger import Ledger
from assets.ledger.witness import Witness
from assets.partitions import CYCLES
from ml.configuration import Configuration
from ml.configuration.do_not_call import do_not_call_of
from ml.entities import CHANNELS
from ml.policy.frequency import contact_caps

OWNERS: Final = ["team:marketing-operations"]


def dispatch_asset(channel: str) -> dg.AssetsDefinition:
    """The asset that hands over a channel's due messages."""

    @dg.asset(
        name=f"dispatch_{channel}",
        group_name="dispatch",
        kinds={"sqlite", "file"},
        owners=OWNERS,
        partitions_def=CYCLES,
        deps=["authorization"],
        description=f"Messages handed over on {channel.replace('_', ' ')}: released, due, and checked again at the last moment.",
    )
    def handed_over(
        context: dg.AssetExecutionContext,
        ledger: dg.ResourceParam[Ledger],
        drivers: dg.ResourceParam[dict[str, Driver]],
        configuration: dg.ResourceParam[Configuration],
        at: dg.ResourceParam[datetime],
        home: dg.ResourceParam[Home],
        seed: dg.ResourceParam[int],
    ) -> dg.MaterializeResult:
        if channel not in drivers:
            return dg.MaterializeResult(metadata={"sent": 0, "note": "actions.yaml has no such channel"})
        settings = configuration.channels.get(channel)  # type: ignore[call-overload]
        policy = configuration.policy
        guards = [
            frequency_guard(ledger, contact_caps(policy, configuration.actions)),
            calling_guard(policy, do_not_call_of(configuration)),
        ]
        counts = dispatch(
            ledger,
            drivers,
            at=at,
            channel=channel,
            owner=f"dagster-{channel}",
            guards=guards,
            runtime=running(at, seed=seed),
            rate_per_second=settings.rate_per_second if settings else None,
            witness=Witness(home.root / "dispatch.witness"),
        )
        _warn(context, counts)
        taken_back = take_back(home, ledger, drivers, configuration, channel, context.partition_key, at)
        return dg.MaterializeResult(
            metadata={
                "sent": counts.sent,
                "spend": counts.spend,
                "failed": counts.failed,
                "unknown": counts.unknown,
                "retried": counts.retried,
                **{f"ended_{state}": number for state, number in counts.ended.items()},
                **{f"members_{why}": number for why, number in taken_back.items()},
                "is_stopped": counts.is_halted,
                "rests_until": str(counts.rests_until or ""),
                "slowed": counts.slowed,
            }
        )

    return handed_over


def _warn(context: dg.AssetExecutionContext, counts: DispatchCounts) -> None:
    channel = counts.channel
    if counts.is_halted:
        context.log.warning(f"{channel} is stopped: nothing is handed over until `wayfinder resume {channel}`")
    if counts.rests_until:
        context.log.warning(
            f"{channel} failed too often: it rests until {counts.rests_until:%H:%M:%S} UTC, then is tried"
        )
    if counts.slowed:
        context.log.warning(f"{channel} is slowed down: {counts.slowed}")


dispatch_assets: Final = [dispatch_asset(channel) for channel in CHANNELS]
