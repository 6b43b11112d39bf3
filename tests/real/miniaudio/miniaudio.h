/* miniaudio.h: stands for the audio decoder that Ollama's Go module refers to and does not carry.
 *
 * It decodes nothing: every sound is refused as unreadable. Nothing here is tested with sound; all
 * that is wanted is that Ollama can be built from its module. */
#ifndef NEXUS_TESTS_MINIAUDIO_H
#define NEXUS_TESTS_MINIAUDIO_H

#include <stddef.h>
#include <stdint.h>

typedef int ma_result;
typedef uint32_t ma_uint32;
typedef uint64_t ma_uint64;
typedef struct {
	int unused;
} ma_decoder_config;
typedef struct {
	int unused;
} ma_decoder;

enum { MA_SUCCESS = 0, MA_ERROR = -1 };
enum { ma_format_f32 = 5 };

static inline ma_decoder_config ma_decoder_config_init(int format, ma_uint32 channels, ma_uint32 rate)
{
	ma_decoder_config none = {0};

	(void)format, (void)channels, (void)rate;
	return none;
}

static inline ma_result ma_decoder_init_memory(const void *data, size_t len,
	const ma_decoder_config *config, ma_decoder *decoder)
{
	(void)data, (void)len, (void)config, (void)decoder;
	return MA_ERROR;
}

static inline ma_result ma_decoder_get_length_in_pcm_frames(ma_decoder *decoder, ma_uint64 *frames)
{
	(void)decoder;
	*frames = 0;
	return MA_ERROR;
}

static inline ma_result ma_decoder_read_pcm_frames(
	ma_decoder *decoder, void *frames, ma_uint64 count, ma_uint64 *read)
{
	(void)decoder, (void)frames, (void)count;
	*read = 0;
	return MA_ERROR;
}

static inline ma_result ma_decoder_uninit(ma_decoder *decoder)
{
	(void)decoder;
	return MA_SUCCESS;
}

#endif
