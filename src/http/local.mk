# http: bytes to requests and back; no sockets.
noinst_LIBRARIES += src/http/libhttp.a
src_http_libhttp_a_SOURCES =
HTTP_LIBS = src/http/libhttp.a $(LLHTTP_LINK) $(BASE_LIBS)

if LLHTTP_FROM_SOURCES
# Debian ships llhttp as C sources to build with; strict mode is off unless asked for.
LLHTTP_LINK = src/http/libllhttp.a
LLHTTP_OBJECTS = src/http/llhttp_api.o src/http/llhttp_http.o src/http/llhttp_llhttp.o
src/http/llhttp_%.o: $(LLHTTP_SRCDIR)/%.c
	$(AM_V_CC)$(MKDIR_P) src/http && $(CC) $(LLHTTP_CFLAGS) -DLLHTTP_STRICT_MODE=1 $(CPPFLAGS) $(CFLAGS) -c -o $@ $<
src/http/libllhttp.a: $(LLHTTP_OBJECTS)
	$(AM_V_AR)rm -f $@ && $(AR) cr $@ $(LLHTTP_OBJECTS) && $(RANLIB) $@
CLEANFILES += $(LLHTTP_OBJECTS) src/http/libllhttp.a
else
LLHTTP_LINK = $(LLHTTP_LIBS)
endif
