/**
 * Memory of a process and of its children. Resident pages of files, such as the code of Node, are counted once: only
 * those of the process with most of them.
 */
import fs from 'node:fs'

export interface MemoryWatch {
  /** Peak of the resident memory since the start of the watch, in bytes. */
  readonly peakBytes: number
  /** The same of the process alone. */
  readonly ownPeakBytes: number
  stop(): void
}

const INTERVAL_MS = 10

/** Samples the process: a short peak may be missed. */
export function watchMemory(pid: number): MemoryWatch {
  let peakBytes = 0
  let ownPeakBytes = 0
  const look = () => {
    const { own, files } = readMemory(pid)
    ownPeakBytes = Math.max(ownPeakBytes, own + files)
    peakBytes = Math.max(peakBytes, residentBytes(pid))
  }
  look()
  const timer = setInterval(look, INTERVAL_MS)
  return {
    get peakBytes() {
      return peakBytes
    },
    get ownPeakBytes() {
      return ownPeakBytes
    },
    stop: () => clearInterval(timer)
  }
}

function residentBytes(pid: number): number {
  const all = familyOf(pid).map(readMemory)
  const files = Math.max(...all.map((memory) => memory.files))
  return all.reduce((sum, memory) => sum + memory.own, files)
}

function familyOf(pid: number): number[] {
  const children = readProc(`${pid}/task/${pid}/children`).split(' ').filter(Boolean)
  return [pid, ...children.flatMap((child) => familyOf(Number(child)))]
}

/** Zeros for a process that has ended. */
function readMemory(pid: number): { own: number; files: number } {
  const status = readProc(`${pid}/status`)
  const bytes = (field: string) => 1024 * Number(new RegExp(`^${field}:\\s+(\\d+) kB`, 'm').exec(status)?.[1] ?? 0)
  return { own: bytes('RssAnon') + bytes('RssShmem'), files: bytes('RssFile') }
}

function readProc(name: string): string {
  try {
    return fs.readFileSync(`/proc/${name}`, 'utf8')
  } catch {
    return ''
  }
}
