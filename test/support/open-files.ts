import fs from 'node:fs'

/** The files below a directory that this process has open; empty on systems without /proc. */
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

/** Waits until no file is open: a stream's promise can resolve before its file is closed. */
export async function allClosedBelow(directory: string): Promise<boolean> {
  for (let round = 0; round < 1_000 && openFilesBelow(directory).length > 0; round += 1) {
    await new Promise((resolve) => setImmediate(resolve))
  }
  return openFilesBelow(directory).length === 0
}
