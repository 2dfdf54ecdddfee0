#!/bin/sh
# Reads folders, one a line, until whoever writes them has ended, however that was. Then it kills whatever still works for
# those that are left, and removes them: a test that ends in good order has stopped its processes and removed its folders,
# and one that is killed can do neither. A process works for a folder that its environment or its command line names.
set -u
# The terminal's Ctrl-C is what it waits for others to die of.
trap '' INT TERM HUP
folders=$(cat)

# The folder is not an argument of grep's, which would find itself.
workers() {
    printf '%s\n' "$1" | grep -lsaF -f - /proc/[0-9]*/environ /proc/[0-9]*/cmdline | cut -d/ -f3 | sort -u
}

end() {
    for pid in $(workers "$1"); do
        # A database server that is killed leaves its own processes and its shared memory behind; this signal takes both along.
        case $(cat "/proc/$pid/comm") in
        postgres) kill -QUIT "$pid" ;;
        *) kill -KILL "$pid" ;;
        esac
    done 2>/dev/null
}

IFS='
'
for folder in $folders; do
    [ -d "$folder" ] || continue
    # Again and again: what is being ended may have started something meanwhile.
    for _ in $(seq 30); do
        [ -n "$(workers "$folder")" ] || break
        end "$folder"
        sleep 0.2
    done
    rm -rf "$folder"
done
