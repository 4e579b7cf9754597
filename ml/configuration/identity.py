"""What a person has said about who is who (`identity_overrides.yaml`): it outweighs all evidence, and undoes a wrong merge."""

from pydantic import Field

from ml.configuration.base import Model

Pair = list[str]


class IdentityOverrides(Model):
    """Pairs of CRM contact ids."""

    same: list[Pair] = Field(default_factory=list, description="pairs of contact ids that are one person")
    different: list[Pair] = Field(default_factory=list, description="pairs of contact ids that are two people")

    def pairs(self) -> list[tuple[str, str, str]]:
        """Contact, other contact, `same` or `different`.

        Raises:
            ValueError: An entry isn't two ids.
        """
        named = [(pair, decision) for decision in ("same", "different") for pair in getattr(self, decision)]
        for pair, decision in named:
            if len(pair) != 2:  # noqa: PLR2004 - a pair
                raise ValueError(
                    f"identity_overrides.yaml: {decision}: {pair} isn't a pair; write [contact_id, contact_id]"
                )
        return [(pair[0], pair[1], decision) for pair, decision in named]
