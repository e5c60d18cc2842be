"""Stand-ins for the AI vendors: Deepgram hears, OpenAI answers, Cartesia speaks, as on the real wire."""
