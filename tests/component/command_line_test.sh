#!/bin/sh
# The program's exit codes are 0, 1, 2, 3 and 78 as documented, results go to stdout and complaints to stderr.
nexus=$(pwd)/nexus
dir=$(mktemp -d) || exit 1
trap 'rm -rf "$dir"' EXIT
cd "$dir" || exit 1
unset NEXUS_CONFIG NEXUS_PORT NEXUS_HOST
# A gateway may be running here: it is not to be found.
export NEXUS_STATE_DIR="$dir/state" NEXUS_SOCKET="$dir/state/admin.sock"
failed=0

# expect CODE STREAM TEXT WORDS...: the code, and a text in that stream (the other one is empty when STREAM is only-...)
expect() {
	code=$1 stream=$2 text=$3
	shift 3
	"$nexus" "$@" >out 2>err
	got=$?
	if [ $got -ne "$code" ] || ! grep -q -- "$text" "${stream#only-}"; then
		echo "nexus $*: $got instead of $code, or no '$text' in $stream:"
		cat out err
		failed=1
	fi
	case $stream in
	only-out) [ ! -s err ] || { echo "nexus $*: stderr: $(cat err)"; failed=1; } ;;
	only-err) [ ! -s out ] || { echo "nexus $*: stdout: $(cat out)"; failed=1; } ;;
	esac
}

expect 0 only-out '^nexus [0-9]' --version
expect 0 only-out 'Usage: nexus' --help
expect 2 out 'Usage: nexus'
expect 0 only-out 'worker restart' help
expect 0 only-out '--pid-file' serve --help
expect 2 only-err 'did you mean status' statsu
expect 2 only-err 'there is no option --jsn' status --jsn
expect 2 only-err 'needs a value' serve --port
expect 2 only-err 'server.port: 0 is under 1' serve --port 0
expect 2 only-err 'needs ROLE' worker restart
expect 3 only-err 'not running' status
expect 3 only-err 'not running' reload --socket "$dir/none"
expect 78 only-err 'cannot read absent.conf' serve -c absent.conf
expect 0 only-out 'so the defaults: good' config check
expect 0 only-out 'nexus.conf: written' config init
expect 1 only-err 'is there already' config init
expect 0 only-out 'written' config init --force
expect 0 only-out 'nexus.conf: good' config check
expect 0 only-out 'server = {' config init -o -
expect 0 only-out 'port = 8000' config show
echo 'server = { prot = 1; workers = 900; };' >bad.conf
expect 78 only-err 'bad.conf:1: server.prot: unknown key; did you mean server.port?' config check bad.conf
expect 78 only-err 'server.workers: 900 is over 64' config show bad.conf
expect 78 only-err '2 errors' config check bad.conf
expect 78 only-err 'server.prot' serve -c bad.conf
echo 'budget = { monthly_limit = 5.0; };' >later.conf
expect 0 only-out 'budget.monthly_limit' config check later.conf
expect 0 only-out 'complete -F' completions bash
expect 0 only-out '#compdef' completions zsh
expect 0 only-out 'complete -c nexus' completions fish
expect 2 only-err 'bash, zsh and fish' completions tcsh
"$nexus" completions bash | bash -n || failed=1
exit $failed
