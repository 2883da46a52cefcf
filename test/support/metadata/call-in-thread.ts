/** Calls a function that might never return, in a thread that can be terminated. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/** A time limit far above the milliseconds that a correct parser needs. */
const TIME_LIMIT_MS = 60_000

const SOURCE = `const { parentPort, workerData } = require('node:worker_threads')
import(workerData.module).then((module) => parentPort.postMessage(module[workerData.name](...workerData.args)))`

/** @returns what the exported function returns; rejects when it throws, or does not return in time */
export async function callInThread(module: URL, name: string, ...args: readonly unknown[]): Promise<unknown> {
  const worker = new Worker(SOURCE, { eval: true, workerData: { module: module.href, name, args } })
  try {
    const [result] = await once(worker, 'message', { signal: AbortSignal.timeout(TIME_LIMIT_MS) })
    return result
  } finally {
    await worker.terminate()
  }
}
