"""The settings of the bot."""

from pydantic import Field, HttpUrl, SecretStr, WebsocketUrl

from frontdesk.settings.base import CommonSettings


class BotSettings(CommonSettings):
    """What the bot reads."""

    daily_api_key: SecretStr = Field(description="API key of the Daily domain that owns the phone numbers.")
    deepgram_api_key: SecretStr = Field(description="Key for speech to text.")
    deepgram_base_url: WebsocketUrl | None = Field(
        None, description="Deepgram, or a stand-in for it (ws://…)."
    )
    deepgram_model: str = Field("nova-3-general", description="Deepgram's model.")
    openai_api_key: SecretStr = Field(description="Key for the language model.")
    openai_base_url: HttpUrl | None = Field(None, description="OpenAI, or a stand-in for it.")
    openai_model: str = Field("gpt-4.1", description="The language model.")
    cartesia_api_key: SecretStr = Field(description="Key for text to speech.")
    cartesia_url: WebsocketUrl | None = Field(None, description="Cartesia, or a stand-in for it (ws://…).")
    cartesia_voice_id: str = Field("71a7ad14-091c-4e8e-a314-022ece01c121", description="Cartesia's voice.")
    cartesia_model: str | None = Field(None, description="Cartesia's model; pipecat's default when not set.")
    connect_timeout_s: float = Field(
        45, gt=0, description="How long a caller on hold may take to be connected, in seconds."
    )
    caller_idle_s: float = Field(
        12, gt=0, description="Silence after which the bot asks whether the caller is there, in seconds."
    )
