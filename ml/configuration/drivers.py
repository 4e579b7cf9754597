"""What each driver of a channel can be told, by its name in `channels.yaml`."""

from collections.abc import Mapping
from typing import Annotated, Final, Literal, Self

from pydantic import Field, model_validator

from ml.configuration.base import Model
from ml.configuration.channels import ChannelSettings
from ml.entities import Channel

Variable = Annotated[str, Field(description="name of the environment variable that holds the secret")]
Url = Annotated[str, Field(pattern=r"^https?://[^\s?#]+$", description="a URL, such as https://api.example.com")]
Origin = Annotated[str, Field(pattern=r"^https?://[^\s/?#]+$", description="a site, such as https://shop.example.com")]
Connections = Annotated[int, Field(ge=1, le=64, description="connections at a time, 1 to 64")]
Seconds = Annotated[float, Field(gt=0, le=120, description="seconds, up to 120")]
PUSH_SERVICES: Final = ("fcm.googleapis.com", "push.services.mozilla.com", "push.apple.com", "notify.windows.com")


class FileSettings(ChannelSettings):
    """`file`: appends to `outbound/<channel>/<cycle_id>.jsonl`."""

    driver: Literal["file"] = "file"


class SmtpSettings(ChannelSettings):
    """`smtp`: e-mail by SMTP submission."""

    driver: Literal["smtp"]
    host: str = Field(min_length=1, description="name or address of the mail server")
    port: int = Field(default=587, ge=1, le=65535, description="a port, 1 to 65535")
    sender: str = Field(alias="from", min_length=3, description='one address, such as "Shop <news@example.com>"')
    reply_to: str | None = Field(default=None, description="one address for answers")
    username_env: Variable | None = None
    password_env: Variable | None = None
    security: Literal["starttls", "tls", "none"] | None = Field(
        default=None, description="starttls, tls or none; starttls beyond this machine, none on it, where not given"
    )
    feedback_id: str | None = Field(
        default=None, pattern=r"^[A-Za-z0-9_.-]{1,32}$", description="sender's part of the Feedback-ID header"
    )
    timeout_s: Seconds = 30.0
    connections: Connections = 4

    @model_validator(mode="after")
    def _login(self) -> Self:
        if (self.username_env is None) != (self.password_env is None):
            raise ValueError("username_env and password_env go together: give both or neither")
        return self


class HttpSettings(ChannelSettings):
    """What every driver over HTTP can be told."""

    base_url: Url | None = Field(
        default=None, description="another server than the provider's, such as a sandbox's URL"
    )
    timeout_s: Seconds = 20.0
    connections: Connections = 4


class TwilioSettings(HttpSettings):
    """What Twilio needs for a text as for a call."""

    account_sid: str = Field(pattern=r"^AC[0-9a-fA-F]{32}$", description="AC and 32 hexadecimal digits")
    auth_token_env: Variable
    from_number: str | None = Field(
        default=None, pattern=r"^\+[1-9]\d{6,14}$", description="a number in E.164, such as +15550100"
    )
    status_callback: Url | None = Field(
        default=None, description="the receiver's URL for delivery reports; message_id is added to it"
    )


class TwilioSmsSettings(TwilioSettings):
    """`twilio_sms`: texts in the shape of Twilio's Message resource."""

    driver: Literal["twilio_sms"]
    messaging_service_sid: str | None = Field(
        default=None, pattern=r"^MG[0-9a-fA-F]{32}$", description="MG and 32 hexadecimal digits"
    )
    minimum_window_s: int = Field(
        default=60, ge=5, le=36_000, description="seconds that must be left of the window for a text to be sent"
    )

    @model_validator(mode="after")
    def _sender(self) -> Self:
        if (self.from_number is None) == (self.messaging_service_sid is None):
            raise ValueError(
                "a text is from a number or a messaging service: give from_number or messaging_service_sid"
            )
        return self


class TwilioVoiceSettings(TwilioSettings):
    """`twilio_voice`: calls in the shape of Twilio's Call resource."""

    driver: Literal["twilio_voice"]
    from_number: str = Field(pattern=r"^\+[1-9]\d{6,14}$", description="a number in E.164, such as +15550100")
    agent_url: str | None = Field(
        default=None, pattern=r"^wss?://[^\s?#]+$", description="WebSocket of the agent that leads the conversation"
    )
    ring_s: int = Field(default=30, ge=5, le=600, description="seconds that the phone rings")


class WebPushSettings(HttpSettings):
    """`web_push`: notifications by Web Push (RFC 8030) to the service that each subscription names."""

    driver: Literal["web_push"]
    vapid_private_key_env: Variable
    contact: str = Field(
        pattern=r"^(mailto:[^\s@]+@[^\s@]+|https://\S+)$", description="whom a push service may ask: mailto: or https:"
    )
    hosts: tuple[str, ...] = Field(
        default=PUSH_SERVICES, strict=False, description="push services, with all their subdomains"
    )
    urgency: Literal["very-low", "low", "normal", "high"] = "normal"


class EndpointSettings(ChannelSettings):
    """`endpoint`: a message waits until its visitor asks `wayfinder serve` for a decision."""

    driver: Literal["endpoint"]
    origins: tuple[Origin, ...] = Field(
        default=(), strict=False, description="sites whose pages may ask, such as https://shop.example.com"
    )


class PostalAddress(Model):
    """Where returned mail goes."""

    name: str = Field(min_length=1, max_length=40, description="up to 40 characters")
    address_line: str = Field(min_length=1, max_length=64, description="up to 64 characters")
    postal_code: str = Field(min_length=1, max_length=40, description="a postal code")
    city: str = Field(min_length=1, max_length=200, description="a city")
    region: str | None = Field(default=None, max_length=200, description="a state or region")
    country: str = Field(default="US", pattern=r"^[A-Z]{2}$", description="two letters, ISO 3166-1")


class LobSettings(HttpSettings):
    """`lob`: postcards and letters in the shape of Lob's print API."""

    driver: Literal["lob"]
    api_key_env: Variable
    product: Literal["postcards", "letters"] = "postcards"
    return_address: PostalAddress
    front: str | None = Field(default=None, pattern=r"^tmpl_[0-9a-zA-Z]+$", description="a template of yours, tmpl_…")
    back: str | None = Field(default=None, pattern=r"^tmpl_[0-9a-zA-Z]+$", description="a template of yours, tmpl_…")
    size: Literal["4x6", "6x9", "6x11"] = "4x6"
    is_color: bool = True


class MailDropSettings(ChannelSettings):
    """`mail_drop`: one CSV a cycle for a printer that fetches files."""

    driver: Literal["mail_drop"]
    countries: tuple[str, ...] = Field(
        default=("US",), strict=False, min_length=1, description="countries that the printer mails to, ISO 3166-1"
    )


class MetaAudienceSettings(HttpSettings):
    """`meta_audience`: members of a Meta custom audience."""

    driver: Literal["meta_audience"]
    audience_id: str = Field(pattern=r"^\d{5,20}$", description="the custom audience's number, quoted")
    access_token_env: Variable
    api_version: str = Field(default="v25.0", pattern=r"^v\d+\.\d+$", description="such as v25.0")


class GoogleAudienceSettings(HttpSettings):
    """`google_audience`: members of a Google Ads customer match list."""

    driver: Literal["google_audience"]
    customer_id: str = Field(pattern=r"^\d{10}$", description="ten digits without dashes, quoted")
    user_list_id: str = Field(pattern=r"^\d{1,20}$", description="the user list's number, quoted")
    login_customer_id: str | None = Field(default=None, pattern=r"^\d{10}$", description="the manager account's number")
    developer_token_env: Variable
    client_id_env: Variable
    client_secret_env: Variable
    refresh_token_env: Variable
    token_url: Url = "https://oauth2.googleapis.com/token"  # noqa: S105 - an address, not a secret
    api_version: str = Field(default="v26", pattern=r"^v\d+$", description="such as v26")


AnySettings = (
    FileSettings
    | SmtpSettings
    | TwilioSmsSettings
    | TwilioVoiceSettings
    | WebPushSettings
    | LobSettings
    | MailDropSettings
    | MetaAudienceSettings
    | GoogleAudienceSettings
    | EndpointSettings
)
DRIVERS: Final[Mapping[str, tuple[type[ChannelSettings], tuple[Channel, ...]]]] = {
    "file": (
        FileSettings,
        ("email", "sms", "direct_mail", "voice", "paid_social", "display", "web", "push"),
    ),
    "smtp": (SmtpSettings, ("email",)),
    "twilio_sms": (TwilioSmsSettings, ("sms",)),
    "twilio_voice": (TwilioVoiceSettings, ("voice",)),
    "web_push": (WebPushSettings, ("push",)),
    "lob": (LobSettings, ("direct_mail",)),
    "mail_drop": (MailDropSettings, ("direct_mail",)),
    "meta_audience": (MetaAudienceSettings, ("paid_social",)),
    "google_audience": (GoogleAudienceSettings, ("display",)),
    "endpoint": (EndpointSettings, ("web",)),
}
"""Settings of each driver, and the channels that it serves."""


def drivers_for(channel: str) -> tuple[str, ...]:
    """Names of the drivers that serve a channel."""
    return tuple(name for name, (_, channels) in DRIVERS.items() if channel in channels)
