/** Work that could keep the thread busy for ever is done in one that can be stopped. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'

/** A guard against hours, far above the milliseconds that a careful reader needs. */
const GIVE_UP_MS = 60_000

const SOURCE = `const { parentPort, workerData } = require('node:worker_threads')
import(workerData.module).then((module) => parentPort.postMessage(module[workerData.name](...workerData.args)))`

/** What an exported function returns; rejects when it throws, or never returns. */
export async function callInThread(module: URL, name: string, ...args: readonly unknown[]): Promise<unknown> {
  const worker = new Worker(SOURCE, { eval: true, workerData: { module: module.href, name, args } })
  try {
    const [result] = await once(worker, 'message', { signal: AbortSignal.timeout(GIVE_UP_MS) })
    return result
  } finally {
    await worker.terminate()
  }
}
