"""What a merchant fills in for Bird, whichever of its interfaces it is."""

from pydantic import Field, SecretStr

from ringdove.gateways import edge

UUID = r"^([0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12})?$"


class Settings(edge.Settings):
    """What a merchant fills in."""

    access_key: SecretStr = Field(
        min_length=1,
        max_length=200,
        title="Access key",
        description="Bird: Settings, Security, Access keys. MessageBird: Developers, API access.",
    )
    signing_key: SecretStr = Field(
        min_length=1,
        max_length=200,
        title="Signing key",
        description="Of the webhook at Bird (whsec_…, or the one you gave it); MessageBird:"
        " Developers, API settings. Bird signs with it what it tells us.",
    )
    workspace_id: str = Field(
        "",
        pattern=UUID,
        title="Workspace ID",
        description="Only for Bird's Channels API: a UUID, in the workspace's settings.",
    )
    channel_id: str = Field(
        "",
        pattern=UUID,
        title="Channel ID",
        description="Only for Bird's Channels API: the UUID of the SMS channel that sends.",
    )


def key_headers(settings: Settings) -> dict[str, str]:
    """How the two older interfaces are signed in to."""
    return {
        "Authorization": f"AccessKey {settings.access_key.get_secret_value()}",
        "Accept": "application/json",
    }
