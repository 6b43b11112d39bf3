# Real inference servers behind the daemon: run by hand (`make check-real`), never by `make check`.
EXTRA_DIST += tests/real/run tests/real/servers.py tests/real/llama_cpp_test.py tests/real/ollama_test.py \
	tests/real/requirements.txt tests/real/tiny.gguf tests/real/miniaudio/miniaudio.h

check-real: all
	$(top_srcdir)/tests/real/run $(abs_top_builddir)
.PHONY: check-real
