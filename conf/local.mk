# What is installed beside the program: a commented configuration to copy, printed by the program itself.
exampledir = $(sysconfdir)/nexus
nodist_example_DATA = conf/nexus.conf.example
conf/nexus.conf.example: nexus$(EXEEXT)
	$(AM_V_GEN)$(MKDIR_P) conf && ./nexus$(EXEEXT) config init --force -o $@ >/dev/null
CLEANFILES += conf/nexus.conf.example
