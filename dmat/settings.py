"""Every setting of a workspace, with its default: `DMAT_` variables, `.env`, and the simulated vendors' file.

Belongs here: names, types and defaults. Stays out: what people set up in screens (that is in the store).
Secrets are `SecretStr` and never printed. `.env.example` lists every setting; a test keeps it so.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import Field, SecretStr
from pydantic_settings import BaseSettings, SettingsConfigDict

from dmat.clock import Clock

ROOT = Path(__file__).resolve().parent.parent
VENDORS = (
    "shopify", "woocommerce", "hubspot", "sendgrid", "twilio", "whatsapp", "meta", "linkedin", "ga4", "wordpress",
)  # fmt: skip
OTHER_VENDORS: tuple[str, ...] = (  # those that a make-believe company does not use
    "brevo", "ses", "postmark", "resend", "smtp", "vonage", "fcm", "onesignal", "meta_audiences", "google_ads",
    "slack", "salesforce",
)  # fmt: skip


class Settings(BaseSettings):
    """The settings of one workspace; build it with `load_settings`."""

    model_config = SettingsConfigDict(env_prefix="DMAT_", extra="ignore")

    home: Path = Field(ROOT / "var", description="folder of the workspace: warehouse, store, logs")
    store_url: str = Field("", description="SQLAlchemy URL of the store; empty means SQLite in the workspace folder")
    workspace_name: str = Field("DMAT", description="name shown in the screens and in messages")
    workspace_time_zone: str = Field("UTC", description="IANA time zone of the marketers")
    host: str = Field("127.0.0.1", description="address the servers bind to")
    screens_url: str = Field("", description="address of the screens as people open them; empty: http://host:apps_port")
    api_port: int = Field(8010, description="port of the API: webhooks, forms, REST")
    apps_port: int = Field(8020, description="port of the screens")
    dagster_port: int = Field(8030, description="port of the Dagster UI")
    vendors_port: int = Field(8040, description="port of the simulated vendors")
    public_url: str = Field("", description="address of the API as the world sees it; empty means http://host:api_port")
    secret_key: SecretStr = Field(SecretStr(""), description="signs sessions and links; empty: made once, kept in home")
    sender_email: str = Field("hello@shop.example", description="From address of e-mails")
    sender_name: str = Field("The Shop", description="From name of e-mails")
    reply_to_email: str = Field("", description="address that answers to e-mails go to; empty: the From address")
    postal_address: str = Field("1 Market Street, 10115 Berlin", description="postal address in the foot of e-mails")
    holdout_share: float = Field(0.1, ge=0, lt=1, description="share of each audience held out to measure lift")
    global_holdout_share: float = Field(
        0.0, ge=0, le=0.5, description="share of all people who get no marketing at all, to measure its whole effect"
    )
    global_holdout_period: str = Field(
        "", max_length=40, description="name of the period of that hold-out; another name holds other people out"
    )
    approval_recipients: int = Field(
        10_000, ge=1, description="from so many people on, a campaign needs the yes of a second person"
    )
    frequency_cap_per_week: int = Field(3, ge=1, description="marketing messages a person gets in seven days at most")
    quiet_hours_start: int = Field(21, ge=0, le=23, description="local hour from which nothing is sent")
    quiet_hours_end: int = Field(8, ge=0, le=23, description="local hour from which sending may start again")
    attribution_look_back_days: int = Field(
        30, ge=1, le=365, description="for how many days before a conversion touches get credit for it"
    )
    attribution_half_life_days: float = Field(
        7.0, gt=0, le=365, description="after how many days a touch counts half, in the time decay model"
    )
    attribution_ends_share: float = Field(
        0.4, ge=0, le=0.5, description="what the position model gives to the first touch and to the last"
    )
    double_opt_in: bool = Field(
        False, description="consent given in a form counts only once it is confirmed by a link in a mail"
    )
    double_opt_in_hours: int = Field(72, ge=1, le=720, description="for how many hours that link works")
    web_origins: str = Field(
        "", description="sites that may load the script, e.g. https://shop.example; separated by spaces"
    )
    web_asks_consent: bool = Field(
        False, description="the script shows nothing and keeps no id until the site says that the visitor agreed"
    )
    duckdb_memory_limit: str = Field("3GB", description="memory that one DuckDB connection may take")
    duckdb_resident_memory_limit: str = Field(
        "200MB",
        description="memory that DuckDB may take in the API, the screens and the stream to read published tables",
    )
    duckdb_threads: int = Field(2, ge=1, description="threads that one DuckDB connection may use")
    stream_seconds: float = Field(2.0, gt=0, le=60, description="pause between two micro-batches of the stream process")
    hot_capture_seconds: float = Field(
        10.0, gt=0, description="pause between two looks at the shop for carts and orders"
    )

    shopify_url: str = Field("", description="shop address, e.g. https://my-shop.myshopify.com; empty: not connected")
    shopify_token: SecretStr = Field(SecretStr(""), description="Admin API access token")
    shopify_webhook_secret: SecretStr = Field(SecretStr(""), description="client secret that signs webhooks")
    woocommerce_url: str = Field("", description="shop address; empty: not connected")
    woocommerce_key: SecretStr = Field(SecretStr(""), description="REST consumer key")
    woocommerce_secret: SecretStr = Field(SecretStr(""), description="REST consumer secret")
    woocommerce_webhook_secret: SecretStr = Field(SecretStr(""), description="secret that signs webhooks")
    hubspot_url: str = Field("", description="https://api.hubapi.com; empty: not connected")
    hubspot_token: SecretStr = Field(SecretStr(""), description="private app token")
    hubspot_webhook_secret: SecretStr = Field(SecretStr(""), description="client secret that signs webhooks (v3)")
    salesforce_url: str = Field("", description="https://my-company.my.salesforce.com; empty: not connected")
    salesforce_client_id: str = Field("", description="consumer key of an external client app (client credentials)")
    salesforce_client_secret: SecretStr = Field(SecretStr(""), description="consumer secret of that app")
    salesforce_currency: str = Field("USD", min_length=3, max_length=3, description="currency of the org's amounts")
    email_provider: str = Field("", description="who takes e-mails; empty: the first connected one, else the sandbox")
    sendgrid_url: str = Field("", description="https://api.sendgrid.com; empty: not connected")
    sendgrid_token: SecretStr = Field(SecretStr(""), description="API key")
    sendgrid_webhook_public_key: str = Field(
        "", description="verification key of the signed event webhook (base64 DER)"
    )
    brevo_url: str = Field("", description="https://api.brevo.com/v3; empty: not connected")
    brevo_token: SecretStr = Field(SecretStr(""), description="API key (v3)")
    brevo_webhook_token: SecretStr = Field(
        SecretStr(""), description="token of the webhook: as Bearer, or as password of the user dmat in its address"
    )
    ses_url: str = Field("", description="https://email.eu-central-1.amazonaws.com; empty: not connected")
    ses_region: str = Field("", description="region of Amazon SES; empty: the one in its address")
    ses_access_key: str = Field("", description="access key id of a user that may ses:SendEmail")
    ses_secret_key: SecretStr = Field(SecretStr(""), description="secret access key of that user")
    ses_configuration_set: str = Field("", description="configuration set that publishes events to the topic")
    ses_topic_arn: str = Field("", description="SNS topic of the events; only its messages are believed")
    postmark_url: str = Field("", description="https://api.postmarkapp.com; empty: not connected")
    postmark_token: SecretStr = Field(SecretStr(""), description="server API token")
    postmark_stream: str = Field("broadcast", description="message stream that marketing mails leave by")
    postmark_webhook_password: SecretStr = Field(
        SecretStr(""), description="password of the user dmat in the webhook's address"
    )
    resend_url: str = Field("", description="https://api.resend.com; empty: not connected")
    resend_token: SecretStr = Field(SecretStr(""), description="API key")
    resend_webhook_secret: SecretStr = Field(SecretStr(""), description="signing secret of the webhook, whsec_...")
    smtp_url: str = Field(
        "",
        description="smtp://host:587 (STARTTLS), smtps://host:465, smtp+plain://host:25 (no encryption, only for a "
        "relay on this machine); empty: not connected",
    )
    smtp_user: str = Field("", description="user; empty: no sign-in")
    smtp_password: SecretStr = Field(SecretStr(""), description="password of that user")
    smtp_connections: int = Field(10, ge=1, le=100, description="connections to the relay at once")
    smtp_ca_file: str = Field("", description="certificates (PEM) that the relay's is checked with; empty: the usual")
    bounce_email: str = Field("", description="envelope sender of SMTP, where bounces go; empty: the From address")
    twilio_url: str = Field("", description="https://api.twilio.com; empty: not connected")
    twilio_account: str = Field("", description="account SID")
    twilio_token: SecretStr = Field(SecretStr(""), description="auth token; it also signs webhooks")
    twilio_sender: str = Field(
        "", description="who SMS come from: +number, name of up to 11 characters, short code or messaging service MG..."
    )
    twilio_whatsapp_sender: str = Field(
        "", description="+number that is a WhatsApp sender at Twilio; empty: no WhatsApp by Twilio"
    )
    vonage_url: str = Field("", description="https://api.nexmo.com; empty: not connected")
    vonage_key: str = Field("", description="API key")
    vonage_secret: SecretStr = Field(SecretStr(""), description="API secret")
    vonage_application: str = Field("", description="application id; with it and its key file requests carry a JWT")
    vonage_private_key_file: str = Field("", description="file with the private key of the application (PEM)")
    vonage_sender: str = Field("", description="who SMS come from: number without plus sign, or a name")
    vonage_webhook_secret: SecretStr = Field(SecretStr(""), description="signature secret of the account")
    whatsapp_url: str = Field("", description="https://graph.facebook.com; empty: not connected")
    whatsapp_phone_id: str = Field("", description="phone number id")
    whatsapp_token: SecretStr = Field(SecretStr(""), description="access token")
    whatsapp_webhook_secret: SecretStr = Field(SecretStr(""), description="app secret that signs webhooks")
    whatsapp_account: str = Field("", description="WhatsApp business account id, whose templates are read")
    whatsapp_handshake: SecretStr = Field(
        SecretStr(""), description="word of your choice that Meta repeats when the webhook address is entered there"
    )
    fcm_url: str = Field("", description="https://fcm.googleapis.com; empty: not connected")
    fcm_credentials_file: str = Field("", description="file with the key of a service account of the Firebase project")
    onesignal_url: str = Field("", description="https://api.onesignal.com; empty: not connected")
    onesignal_app: str = Field("", description="app id")
    onesignal_key: SecretStr = Field(SecretStr(""), description="app API key")
    onesignal_webhook_secret: SecretStr = Field(
        SecretStr(""), description="word that the event stream sends in its header Authorization, after Bearer"
    )
    meta_audiences_url: str = Field(
        "",
        description="https://graph.facebook.com; empty: no audiences at Meta (uses the token and ad account of meta)",
    )
    google_ads_url: str = Field(
        "", description="https://datamanager.googleapis.com; empty: no customer lists at Google Ads"
    )
    google_ads_account: str = Field("", description="customer id of the Google Ads account, digits only")
    google_ads_login_account: str = Field("", description="customer id of the manager account, when one is used")
    google_ads_credentials_file: str = Field("", description="file with the key of a service account")
    outgoing_webhook_url: str = Field(
        "", description="address that steps of the channel webhook call; empty: kept in the sandbox"
    )
    outgoing_webhook_secret: SecretStr = Field(SecretStr(""), description="signs the calls of the webhook channel")
    outgoing_webhook_allows_private: bool = Field(
        False, description="may call addresses inside this network; only for development"
    )
    sms_provider: str = Field("", description="twilio, vonage or sandbox; empty: the connected one, else the sandbox")
    whatsapp_provider: str = Field(
        "", description="whatsapp, twilio or sandbox; empty: the connected one, else the sandbox"
    )
    push_provider: str = Field("", description="fcm, onesignal or sandbox; empty: the connected one, else the sandbox")
    retargeting_provider: str = Field(
        "", description="meta_audiences, google_ads or sandbox; empty: each connected one, else the sandbox"
    )
    webhook_provider: str = Field(
        "", description="outgoing_webhook or sandbox; empty: outgoing_webhook when its address is set"
    )
    sms_prices_file: str = Field(
        "", description="your own table of SMS prices (CSV); empty: the dated one that is here"
    )
    meta_url: str = Field("", description="https://graph.facebook.com; empty: not connected")
    meta_account: str = Field("", description="Instagram business account id")
    meta_ad_account: str = Field("", description="ad account id, act_...")
    meta_token: SecretStr = Field(SecretStr(""), description="access token")
    meta_page: str = Field("", description="Facebook page id that posts are published on")
    meta_page_token: SecretStr = Field(SecretStr(""), description="access token of that page")
    social_publishing: str = Field(
        "by_hand",
        description="by_hand: people publish posts; automatic: where the network is connected; sandbox: kept as files",
    )
    linkedin_url: str = Field("", description="https://api.linkedin.com; empty: not connected")
    linkedin_organization: str = Field("", description="organization id")
    linkedin_token: SecretStr = Field(SecretStr(""), description="access token")
    ga4_url: str = Field("", description="https://analyticsdata.googleapis.com; empty: not connected")
    ga4_property: str = Field("", description="numeric property id")
    ga4_token: SecretStr = Field(SecretStr(""), description="access token")
    slack_url: str = Field("", description="https://slack.com/api; empty: not connected")
    slack_token: SecretStr = Field(SecretStr(""), description="bot token with the scope chat:write, xoxb-...")
    lead_alert_emails: str = Field(
        "", description="who is always told of a lead that crosses 50 points; addresses separated by spaces"
    )
    lead_alert_slack_channel: str = Field("", description="channel of Slack that is told too, e.g. C0123456789")
    alert_emails: str = Field(
        "", description="who is told of alerts whose rule names nobody; addresses separated by spaces"
    )
    alert_slack_channel: str = Field("", description="channel of Slack that is told of such alerts too")
    alert_pause_minutes: int = Field(
        30, ge=0, description="least time between two notices of alerts; urgent ones do not wait"
    )
    report_link_days: int = Field(
        30, ge=0, le=3650, description="days for which the link in a report's mail gives its PDF; 0: no such link"
    )
    wordpress_url: str = Field("", description="site address; empty: not connected")
    wordpress_user: str = Field("", description="user of the application password")
    wordpress_token: SecretStr = Field(SecretStr(""), description="application password")

    @property
    def warehouse_dir(self) -> Path:
        """Folder of the warehouse."""
        return self.home / "warehouse"

    @property
    def core_path(self) -> Path:
        """The one DuckDB file that is written to, under the writer lock."""
        return self.warehouse_dir / "core.duckdb"

    @property
    def resolved_store_url(self) -> str:
        """SQLAlchemy URL of the store."""
        return self.store_url or f"sqlite:///{self.home / 'store' / 'dmat.sqlite'}"

    @property
    def resolved_screens_url(self) -> str:
        """Where people open the screens, without a slash at the end."""
        return (self.screens_url or f"http://{self.host}:{self.apps_port}").rstrip("/")

    @property
    def resolved_public_url(self) -> str:
        """Address of the API as vendors and recipients reach it."""
        return self.public_url or f"http://{self.host}:{self.api_port}"

    @property
    def clock(self) -> Clock:
        """The workspace's clock (make-believe when `clock.json` is there)."""
        return Clock(self.home / "clock.json")

    @property
    def is_simulated(self) -> bool:
        """True when the vendors are the simulated ones; screens say so."""
        return (self.home / "simulation" / "connection.env").exists()

    def is_connected(self, vendor: str) -> bool:
        """Whether an address is set for `vendor`."""
        return bool(getattr(self, f"{vendor}_url"))


def load_settings(home: str | Path | None = None, **overrides: Any) -> Settings:
    """Settings of the workspace in `home`.

    Later sources win: defaults, `.env` of the project, `<home>/simulation/connection.env`, the environment,
    `overrides`. (pydantic-settings reads later env files over earlier ones.)
    """
    if home is not None:
        overrides["home"] = Path(home).resolve()
    first = Settings(_env_file=ROOT / ".env", **overrides)
    simulated = first.home / "simulation" / "connection.env"
    settings = Settings(_env_file=(ROOT / ".env", simulated), **overrides)
    settings.home = first.home.resolve()
    return settings
