/* main.c: argv to the command table; nothing else. */
int main(void)
{
	return 0;
}
