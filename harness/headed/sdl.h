/* SPDX-License-Identifier: MIT
 *
 * SDL, in moth's own process, opened when a window is wanted and not before: all that needs no window works on a
 * machine without SDL. Call moth_sdl_open first; then the functions are members of `moth_sdl`.
 */
#ifndef MOTH_HEADED_SDL_H
#define MOTH_HEADED_SDL_H

#include <SDL.h>
#include <SDL_syswm.h>

#include "base/err.h"

#define MOTH_SDL_USED(X)                                                                                     \
    X(Init) X(Quit) X(GetError) X(SetHint) X(GetVersion) X(GetCurrentVideoDriver)                            \
    X(CreateWindow) X(DestroyWindow) X(SetWindowTitle) X(SetWindowMinimumSize) X(GetWindowSize)              \
    X(GetWindowWMInfo) X(RaiseWindow) X(SetWindowSize) X(SetWindowPosition) X(GetDisplayUsableBounds)                             \
    X(CreateRenderer) X(DestroyRenderer) X(GetRendererOutputSize) X(SetRenderDrawColor) X(RenderClear)       \
    X(RenderFillRect) X(RenderDrawRect) X(RenderCopy) X(RenderPresent) X(SetRenderDrawBlendMode)             \
    X(CreateTexture) X(DestroyTexture) X(UpdateTexture) X(SetTextureBlendMode)                               \
    X(PollEvent) X(WaitEventTimeout) X(StartTextInput) X(SetRelativeMouseMode) X(ShowCursor)                 \
    X(GameControllerOpen) X(GameControllerClose) X(GameControllerGetJoystick) X(JoystickInstanceID)          \
    X(GetModState)

struct moth_sdl {
#define X(name) __typeof__(SDL_##name) *name;
    MOTH_SDL_USED(X)
#undef X
};

extern struct moth_sdl moth_sdl;

/* Open the library and its video, here and now. 0; or -1, with what to do about it. */
int moth_sdl_open(struct moth_err *err);
void moth_sdl_close(void);

#endif
