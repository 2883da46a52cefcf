import fs from 'node:fs'

/** The files below a directory that this process has open; none where the system cannot tell. */
export function openFilesBelow(directory: string): string[] {
  if (!fs.existsSync('/proc/self/fd')) return []
  const targets = fs.readdirSync('/proc/self/fd').map((fd) => {
    try {
      return fs.readlinkSync(`/proc/self/fd/${fd}`)
    } catch {
      return ''
    }
  })
  return targets.filter((target) => target.startsWith(directory))
}

/** Resolves when none is open any more: closing is not always done when the promise of a stream is. */
export async function allClosedBelow(directory: string): Promise<boolean> {
  for (let turn = 0; turn < 1_000 && openFilesBelow(directory).length > 0; turn += 1) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  return openFilesBelow(directory).length === 0
}
