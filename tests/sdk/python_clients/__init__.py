"""The Python SDKs, each behind the same few methods: whole, streamed, read, loop, report, fault."""

from . import anthropic_client, genai_client, ollama_client, openai_chat_client, openai_responses_client

CLIENTS = {
    "openai chat": openai_chat_client.OpenAiChat,
    "openai responses": openai_responses_client.OpenAiResponses,
    "anthropic": anthropic_client.AnthropicMessages,
    "google genai": genai_client.Genai,
    "ollama": ollama_client.Ollama,
}
