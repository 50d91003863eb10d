/* SPDX-License-Identifier: MIT
 *
 * Places of the functions moth uses in SDL's jump table. The order is SDL's ABI: entries are only
 * ever appended (SDL 2.0.4 and later). A test compares them with the installed library.
 */
#ifndef MOTH_PROBE_SDL_TABLE_H
#define MOTH_PROBE_SDL_TABLE_H

#define MOTH_SDL_TABLE(X) \
    X(Init, 13) \
    X(InitSubSystem, 14) \
    X(QuitSubSystem, 15) \
    X(WasInit, 16) \
    X(Quit, 17) \
    X(OpenAudio, 37) \
    X(OpenAudioDevice, 40) \
    X(GetCPUCount, 60) \
    X(GetSystemRAM, 71) \
    X(GetError, 72) \
    X(ClearError, 73) \
    X(PumpEvents, 75) \
    X(PeepEvents, 76) \
    X(HasEvent, 77) \
    X(HasEvents, 78) \
    X(PollEvent, 81) \
    X(WaitEvent, 82) \
    X(WaitEventTimeout, 83) \
    X(PushEvent, 84) \
    X(SetHintWithPriority, 148) \
    X(SetHint, 149) \
    X(NumJoysticks, 154) \
    X(JoystickOpen, 156) \
    X(JoystickUpdate, 168) \
    X(GetKeyboardFocus, 175) \
    X(GetKeyboardState, 176) \
    X(GetModState, 177) \
    X(SetModState, 178) \
    X(GetKeyFromScancode, 179) \
    X(GetScancodeFromKey, 180) \
    X(StartTextInput, 185) \
    X(IsTextInputActive, 186) \
    X(StopTextInput, 187) \
    X(GetMouseFocus, 204) \
    X(GetMouseState, 205) \
    X(GetRelativeMouseState, 206) \
    X(WarpMouseInWindow, 207) \
    X(SetRelativeMouseMode, 208) \
    X(GetRelativeMouseMode, 209) \
    X(CreateWindowAndRenderer, 259) \
    X(CreateRenderer, 260) \
    X(CreateSoftwareRenderer, 261) \
    X(GetRenderer, 262) \
    X(GetRendererInfo, 263) \
    X(GetRendererOutputSize, 264) \
    X(SetRenderTarget, 279) \
    X(GetRenderTarget, 280) \
    X(RenderClear, 293) \
    X(RenderDrawPoint, 294) \
    X(RenderDrawPoints, 295) \
    X(RenderDrawLine, 296) \
    X(RenderDrawLines, 297) \
    X(RenderDrawRect, 298) \
    X(RenderDrawRects, 299) \
    X(RenderFillRect, 300) \
    X(RenderFillRects, 301) \
    X(RenderCopy, 302) \
    X(RenderCopyEx, 303) \
    X(RenderReadPixels, 304) \
    X(RenderPresent, 305) \
    X(DestroyRenderer, 307) \
    X(GetTicks, 440) \
    X(GetPerformanceCounter, 441) \
    X(GetPerformanceFrequency, 442) \
    X(Delay, 443) \
    X(GetVersion, 450) \
    X(VideoInit, 455) \
    X(GetCurrentVideoDriver, 457) \
    X(GetNumVideoDisplays, 458) \
    X(CreateWindow, 470) \
    X(CreateWindowFrom, 471) \
    X(GetWindowID, 472) \
    X(GetWindowFromID, 473) \
    X(GetWindowFlags, 474) \
    X(GetWindowPosition, 481) \
    X(GetWindowSize, 483) \
    X(ShowWindow, 489) \
    X(HideWindow, 490) \
    X(RaiseWindow, 491) \
    X(GetWindowSurface, 496) \
    X(UpdateWindowSurface, 497) \
    X(UpdateWindowSurfaceRects, 498) \
    X(DestroyWindow, 505) \
    X(GL_GetProcAddress, 510) \
    X(GL_CreateContext, 515) \
    X(GL_GetCurrentContext, 518) \
    X(GL_GetDrawableSize, 519) \
    X(GL_SetSwapInterval, 520) \
    X(GL_GetSwapInterval, 521) \
    X(GL_SwapWindow, 522) \
    X(HasAVX, 527) \
    X(WarpMouseGlobal, 531) \
    X(CaptureMouse, 535) \
    X(GetGlobalMouseState, 537) \
    X(HasAVX2, 538) \
    X(QueueAudio, 539) \
    X(Vulkan_CreateSurface, 587) \
    X(HasAVX512F, 623) \
    X(RenderDrawPointF, 651) \
    X(RenderDrawPointsF, 652) \
    X(RenderDrawLineF, 653) \
    X(RenderDrawLinesF, 654) \
    X(RenderDrawRectF, 655) \
    X(RenderDrawRectsF, 656) \
    X(RenderFillRectF, 657) \
    X(RenderFillRectsF, 658) \
    X(RenderCopyF, 659) \
    X(RenderCopyExF, 660) \
    X(JoystickAttachVirtual, 695) \
    X(JoystickDetachVirtual, 696) \
    X(JoystickSetVirtualAxis, 698) \
    X(JoystickSetVirtualButton, 699) \
    X(RenderGeometry, 759) \
    X(RenderGeometryRaw, 760) \
    X(GetTicks64, 765) \
    X(RenderGetWindow, 805) \
    X(JoystickAttachVirtualEx, 811) \

enum moth_sdl_index {
#define X(name, index) MOTH_SDL_##name = index,
    MOTH_SDL_TABLE(X)
#undef X
        MOTH_SDL_INDEX_END
};

#endif
