"""The properties of rooms and meeting tokens with their types (Daily's OpenAPI description)."""

from collections.abc import Mapping
from typing import Any

from frontdesk.simulator.rest.errors import invalid, missing_field
from frontdesk.simulator.rest.fields import check_choice, check_types, refuse_unknown
from frontdesk.simulator.switches import Switches

RECORDING_MODES = ("cloud", "cloud-audio-only", "local", "raw-tracks")
_SHARED = {
    "nbf": "integer",
    "exp": "integer",
    "enable_prejoin_ui": "boolean",
    "enable_live_captions_ui": "boolean",
    "enable_screenshare": "boolean",
    "start_video_off": "boolean",
    "start_audio_off": "boolean",
    "enable_recording": "recording",
    "enable_terse_logging": "boolean",
    "eject_after_elapsed": "integer",
    "lang": "string",
    "permissions": "object",
}
ROOM_PROPERTIES = _SHARED | {
    "max_participants": "integer",
    "enable_people_ui": "boolean",
    "enable_cpu_warning_notifications": "boolean",
    "enable_pip_ui": "boolean",
    "enable_emoji_reactions": "boolean",
    "enable_hand_raising": "boolean",
    "enable_network_ui": "boolean",
    "enable_noise_cancellation_ui": "boolean",
    "enable_breakout_rooms": "boolean",
    "enable_knocking": "boolean",
    "enable_video_processing_ui": "boolean",
    "enable_chat": "boolean",
    "enable_shared_chat_history": "boolean",
    "enable_raw_tracks_transcoded_audio": "string",
    "eject_at_room_exp": "boolean",
    "enable_advanced_chat": "boolean",
    "enable_hidden_participants": "boolean",
    "enable_mesh_sfu": "boolean",
    "sfu_switchover": "number",
    "enable_adaptive_simulcast": "boolean",
    "enable_multiparty_adaptive_simulcast": "boolean",
    "enforce_unique_user_ids": "boolean",
    "experimental_optimize_large_calls": "boolean",
    "meeting_join_hook": "string",
    "geo": "string",
    "rtmp_geo": "string",
    "disable_rtmp_geo_fallback": "boolean",
    "recordings_bucket": "object",
    "auto_transcription_settings": "object",
    "enable_transcription_storage": "boolean",
    "transcription_bucket": "object",
    "recordings_template": "string",
    "transcription_template": "string",
    "enable_dialout": "boolean",
    "dialout_config": "object",
    "streaming_endpoints": "array",
    "sip": "object",
    "dialin": "object",
}
TOKEN_PROPERTIES = _SHARED | {
    "room_name": "string",
    "eject_at_token_exp": "boolean",
    "is_owner": "boolean",
    "user_name": "string",
    "user_id": "string",
    "enable_recording_ui": "boolean",
    "knocking": "boolean",
    "start_cloud_recording": "boolean",
    "start_cloud_recording_opts": "object",
    "auto_start_transcription": "boolean",
    "close_tab_on_exit": "boolean",
    "redirect_on_meeting_exit": "string",
}
_SIP = {
    "display_name": "string",
    "sip_mode": "string",
    "video": "boolean",
    "num_endpoints": "integer",
    "force_digit_only_username": "boolean",
    "codecs": "object",
    "provider": "string",
}
_DIALOUT_CONFIG = {"allow_room_start": "boolean", "dialout_geo": "string", "max_idle_timeout_sec": "number"}
_FRACTIONS = ("exp", "nbf")
MAX_USER_ID = 36


def check_room_properties(given: Mapping[str, Any], switches: Switches) -> None:
    """Raise a 400 for properties that `POST /rooms` does not take; null counts as absent."""
    _check(given, ROOM_PROPERTIES, switches)
    if given.get("enable_dialout") and not switches.plan_allows_dialout:
        raise invalid("property 'enable_dialout' cannot be set to that value with your current plan")
    if given.get("dialout_config") is not None:
        check_types(given["dialout_config"], _DIALOUT_CONFIG)
    if given.get("sip") is not None:
        _check_sip(given["sip"])


def check_token_properties(given: Mapping[str, Any], switches: Switches) -> None:
    """Raise a 400 for properties that `POST /meeting-tokens` does not take."""
    _check(given, TOKEN_PROPERTIES, switches)
    if len(given.get("user_id") or "") > MAX_USER_ID:
        raise invalid(f"property 'user_id' must be at most {MAX_USER_ID} characters")


def _check(given: Mapping[str, Any], known: Mapping[str, str], switches: Switches) -> None:
    if switches.unknown_property == "reject":
        refuse_unknown(given, known)
    check_types(given, known, fractions=_FRACTIONS if switches.fractional_exp == "accept" else ())
    recording = given.get("enable_recording")
    for mode in recording if isinstance(recording, list) else [recording]:
        if mode is not None:
            check_choice("enable_recording", mode, RECORDING_MODES)


def _check_sip(sip: Mapping[str, Any]) -> None:
    if not sip.get("display_name") or not sip.get("sip_mode"):
        raise missing_field()
    check_types(sip, _SIP)
    check_choice("sip.sip_mode", sip["sip_mode"], ("dial-in",))
    if sip.get("provider") is not None:
        check_choice("sip.provider", sip["provider"], ("daily",))
    endpoints = sip.get("num_endpoints")
    endpoints = 1 if endpoints is None else endpoints
    if endpoints < 1 or (endpoints > 1 and sip.get("force_digit_only_username")):
        raise invalid("property 'sip.num_endpoints' has an invalid value")
