// The answers of the mock upstream, in two languages: OpenAI chat completions and Anthropic messages.
// Sizes and fields are those of the vendors' own answers. %lld is the stamp, %d a number of tokens.
#pragma once

#define TEXT "The quick brown fox jumps over the lazy dog while the gateway counts tokens."

#define CHAT_CHUNK                                                                                           \
    "data: {\"id\":\"chatcmpl-BmockAbCdEfGhIjKlMnOpQrStUv\",\"object\":\"chat.completion.chunk\","           \
    "\"created\":1790000000,\"model\":\"mock-model\",\"service_tier\":\"default\","                          \
    "\"system_fingerprint\":\"fp_0123456789\","
#define CHAT_DELTA(delta, finish)                                                                            \
    CHAT_CHUNK "\"choices\":[{\"index\":0,\"delta\":" delta ",\"logprobs\":null,\"finish_reason\":" finish   \
               "}],\"usage\":null}\n\n"
#define CHAT_DETAILS                                                                                         \
    "\"prompt_tokens_details\":{\"cached_tokens\":0,\"audio_tokens\":0},"                                    \
    "\"completion_tokens_details\":{\"reasoning_tokens\":0,\"audio_tokens\":0}"

static const char *const CHAT_BEGIN[] = {
    CHAT_DELTA("{\"role\":\"assistant\",\"content\":\"\",\"refusal\":null}", "null"), 0};
static const char CHAT_CONTENT[] = CHAT_DELTA("{\"content\":\"@%lld;\"}", "null");
static const char *const CHAT_END[] = {
    CHAT_DELTA("{}", "\"stop\""),
    CHAT_CHUNK "\"choices\":[],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":%d,"
               "\"total_tokens\":164," CHAT_DETAILS "}}\n\n",
    "data: [DONE]\n\n", 0};
static const char CHAT_WHOLE[] =
    "{\"id\":\"chatcmpl-BmockAbCdEfGhIjKlMnOpQrStUv\",\"object\":\"chat.completion\",\"created\":1790000000,"
    "\"model\":\"mock-model\",\"choices\":[{\"index\":0,\"message\":{\"role\":\"assistant\","
    "\"content\":\"" TEXT "\",\"refusal\":null,\"annotations\":[]},\"logprobs\":null,"
    "\"finish_reason\":\"stop\"}],\"usage\":{\"prompt_tokens\":100,\"completion_tokens\":16,"
    "\"total_tokens\":116," CHAT_DETAILS
    "},\"service_tier\":\"default\",\"system_fingerprint\":\"fp_0123456789\"}";

static const char *const MESSAGES_BEGIN[] = {
    "event: message_start\ndata: {\"type\":\"message_start\",\"message\":{\"id\":\"msg_mock0123456789\","
    "\"type\":\"message\",\"role\":\"assistant\",\"model\":\"mock-model\",\"content\":[],"
    "\"stop_reason\":null,\"stop_sequence\":null,\"usage\":{\"input_tokens\":100,\"output_tokens\":1}}}\n\n",
    "event: content_block_start\ndata: {\"type\":\"content_block_start\",\"index\":0,"
    "\"content_block\":{\"type\":\"text\",\"text\":\"\"}}\n\n",
    0};
static const char MESSAGES_CONTENT[] =
    "event: content_block_delta\ndata: {\"type\":\"content_block_delta\",\"index\":0,"
    "\"delta\":{\"type\":\"text_delta\",\"text\":\"@%lld;\"}}\n\n";
static const char *const MESSAGES_END[] = {
    "event: content_block_stop\ndata: {\"type\":\"content_block_stop\",\"index\":0}\n\n",
    "event: message_delta\ndata: {\"type\":\"message_delta\",\"delta\":{\"stop_reason\":\"end_turn\","
    "\"stop_sequence\":null},\"usage\":{\"output_tokens\":%d}}\n\n",
    "event: message_stop\ndata: {\"type\":\"message_stop\"}\n\n", 0};
static const char MESSAGES_WHOLE[] =
    "{\"id\":\"msg_mock0123456789\",\"type\":\"message\",\"role\":\"assistant\",\"model\":\"mock-model\","
    "\"content\":[{\"type\":\"text\",\"text\":\"" TEXT "\"}],\"stop_reason\":\"end_turn\","
    "\"stop_sequence\":null,\"usage\":{\"input_tokens\":100,\"output_tokens\":16,"
    "\"cache_creation_input_tokens\":0,\"cache_read_input_tokens\":0}}";

static const char MODELS[] = "{\"object\":\"list\",\"data\":[{\"id\":\"mock-model\",\"object\":\"model\","
                             "\"created\":1790000000,\"owned_by\":\"mock\"}]}";

typedef struct {
    const char *const *begin; // events before the first content
    const char *content;
    const char *const *end; // events after the last content
    const char *whole;
} Language;

static const Language CHAT = {CHAT_BEGIN, CHAT_CONTENT, CHAT_END, CHAT_WHOLE};
static const Language MESSAGES = {MESSAGES_BEGIN, MESSAGES_CONTENT, MESSAGES_END, MESSAGES_WHOLE};
