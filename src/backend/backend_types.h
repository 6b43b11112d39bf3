/* backend_types.h: the rows of backend_table, one a file; private to the backend room. */
#ifndef NEXUS_BACKEND_BACKEND_TYPES_H
#define NEXUS_BACKEND_BACKEND_TYPES_H

#include "backend/backend.h"

extern const struct backend_ops backend_ollama;
extern const struct backend_ops backend_vllm;
extern const struct backend_ops backend_llamacpp;
extern const struct backend_ops backend_lmstudio;
extern const struct backend_ops backend_exo;
extern const struct backend_ops backend_openai;
extern const struct backend_ops backend_generic;
extern const struct backend_ops backend_demo;

#endif
