"""Stand-ins for the AI vendors, on the wire as the real ones: Deepgram hears, OpenAI answers, Cartesia speaks."""
