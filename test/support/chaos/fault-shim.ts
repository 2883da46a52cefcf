/** Injected faults: one system call of the server fails, with the error that the test chooses. */
import { execFileSync, spawnSync } from 'node:child_process'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import type { Test } from 'tap'

export interface Fault {
  readonly call: 'write' | 'sync' | 'read' | 'rename'
  /** A part of the file's path. */
  readonly path: string
  /** The number of the matching call that fails, from 1. */
  readonly number: number
  readonly error: 'ENOSPC' | 'EIO'
}

export interface FaultShim {
  /** The environment of a server with faults. */
  readonly environment: Readonly<Record<string, string>>
  /** Sets a fault. It stays set until it has happened or another one is set. */
  set(fault: Fault): void
  /** Removes the fault. @returns whether it has happened */
  clear(): boolean
}

const SOURCE = path.join(import.meta.dirname, 'fault-shim.c')

/** Offsets in the structure that the test and the library share. */
const [NUMBER, ERROR, FAILED, CALL, PATH, SIZE] = [0, 4, 8, 12, 28, 156]

/** The reason why faults cannot be injected; false when they can. */
export function withoutFaults(): string | false {
  if (process.platform !== 'linux') return 'needs Linux'
  return spawnSync('gcc', ['--version']).status === 0 ? false : 'needs gcc'
}

/** Builds the shim for a test. */
export function buildFaultShim(t: Test): FaultShim {
  const directory = fs.mkdtempSync(path.join(os.tmpdir(), 'fixdepot-faults-'))
  t.teardown(() => fs.rmSync(directory, { recursive: true }))
  const library = path.join(directory, 'fault-shim.so')
  execFileSync('gcc', ['-shared', '-fPIC', '-O1', '-o', library, SOURCE, '-ldl'])
  const controlFile = path.join(directory, 'control')
  fs.writeFileSync(controlFile, Buffer.alloc(SIZE))
  const fd = fs.openSync(controlFile, 'r+')
  t.teardown(() => fs.closeSync(fd))

  return {
    environment: { LD_PRELOAD: library, FAULT_CONTROL: controlFile },
    set({ call, path, number, error }) {
      const control = Buffer.alloc(SIZE)
      control.writeInt32LE(os.constants.errno[error], ERROR)
      control.write(call, CALL)
      control.write(path, PATH)
      fs.writeSync(fd, control, 0, SIZE, 0)
      // The number is written last: it activates the fault.
      control.writeInt32LE(number, NUMBER)
      fs.writeSync(fd, control, NUMBER, 4, NUMBER)
    },
    clear() {
      fs.writeSync(fd, Buffer.alloc(4), 0, 4, NUMBER)
      const failed = Buffer.alloc(4)
      fs.readSync(fd, failed, 0, 4, FAILED)
      return failed.readInt32LE() > 0
    }
  }
}
