/* SPDX-License-Identifier: MIT
 *
 * Sound: what the game's callback filled in, or queued, goes into the audio chain.
 */
#include "sdl/sdl.h"

#define DEVICES_MAX 32

static struct device {
    SDL_AudioCallback callback;
    void *context;
} devices[DEVICES_MAX];
static unsigned n_devices;

static void filled(void *opaque, Uint8 *stream, int size)
{
    struct device *device = opaque;
    device->callback(device->context, stream, size);
    if (size > 0)
        moth_chain_add(&moth_chain_audio, moth_hash(stream, (size_t)size, 0));
}

/* A copy of what the game wants, with our callback before its own. */
static const SDL_AudioSpec *through_us(const SDL_AudioSpec *desired, SDL_AudioSpec *copy)
{
    if (desired == NULL || desired->callback == NULL || moth_mode == MOTH_DORMANT)
        return desired;
    struct device *device = &devices[n_devices++ % DEVICES_MAX];
    *device = (struct device){desired->callback, desired->userdata};
    *copy = *desired;
    copy->callback = filled;
    copy->userdata = device;
    return copy;
}

static void as_asked(const SDL_AudioSpec *desired, SDL_AudioSpec *obtained)
{
    if (obtained == NULL || desired == NULL)
        return;
    obtained->callback = desired->callback;
    obtained->userdata = desired->userdata;
}

static int hook_OpenAudio(SDL_AudioSpec *desired, SDL_AudioSpec *obtained)
{
    SDL_AudioSpec copy;
    SDL_AudioSpec *asked = (SDL_AudioSpec *)through_us(desired, &copy);
    int result = SDL_ORIGINAL(OpenAudio)(asked, obtained);
    as_asked(desired, obtained);
    if (asked == &copy && obtained == NULL) { /* SDL fills the missing fields of `desired` in */
        copy.callback = desired->callback;
        copy.userdata = desired->userdata;
        *desired = copy;
    }
    return result;
}

static SDL_AudioDeviceID hook_OpenAudioDevice(const char *name, int capture, const SDL_AudioSpec *desired,
                                              SDL_AudioSpec *obtained, int changes)
{
    SDL_AudioSpec copy;
    const SDL_AudioSpec *asked = capture ? desired : through_us(desired, &copy);
    SDL_AudioDeviceID id = SDL_ORIGINAL(OpenAudioDevice)(name, capture, asked, obtained, changes);
    as_asked(desired, obtained);
    return id;
}

static int hook_QueueAudio(SDL_AudioDeviceID id, const void *data, Uint32 size)
{
    if (data != NULL && moth_mode != MOTH_DORMANT)
        moth_chain_add(&moth_chain_audio, moth_hash(data, size, 1));
    return SDL_ORIGINAL(QueueAudio)(id, data, size);
}

const struct moth_sdl_hook moth_sdl_audio_hooks[] = {{MOTH_SDL_OpenAudio, hook_OpenAudio},
                                                     {MOTH_SDL_OpenAudioDevice, hook_OpenAudioDevice},
                                                     {MOTH_SDL_QueueAudio, hook_QueueAudio},
                                                     {0, NULL}};
