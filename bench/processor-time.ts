/** The idle share of the machine's cores. */
import fs from 'node:fs'

/** @returns a function for the idle share of all cores since this call, from 0 to 1 */
export function watchIdle(): () => number {
  const before = readTimes()
  return () => {
    const now = readTimes()
    return (now.idle - before.idle) / (now.all - before.all)
  }
}

/** In ticks, of all cores; waiting for a disk is idle as well (proc(5), /proc/stat). */
function readTimes(): { readonly idle: number; readonly all: number } {
  const [line = ''] = fs.readFileSync('/proc/stat', 'utf8').split('\n')
  const [user = 0, nice = 0, system = 0, idle = 0, ioWait = 0, ...others] = line.split(/\s+/).slice(1, 9).map(Number)
  const waiting = idle + ioWait
  return { idle: waiting, all: others.reduce((sum, ticks) => sum + ticks, user + nice + system + waiting) }
}
