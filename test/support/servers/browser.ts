/** A page in a real browser, driven over its DevTools protocol. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import fs from 'node:fs'
import os from 'node:os'
import path from 'node:path'
import { createInterface } from 'node:readline'
import type { Test } from 'tap'
import { until } from './server.ts'

const NAMES = ['chromium', 'chromium-browser', 'google-chrome', 'google-chrome-stable']
const START_MS = 120_000

/** The browser of this machine; undefined when there is none. */
export function findBrowser(): string | undefined {
  const directories = (process.env.PATH ?? '').split(path.delimiter)
  return directories.flatMap((directory) => NAMES.map((name) => path.join(directory, name))).find(fs.existsSync)
}

export interface Page {
  /** Errors in the console of the page, including resources that were not loaded or not allowed. */
  readonly errors: readonly string[]
  open(url: string): Promise<void>
  /** The value of an expression in the page. */
  evaluate<Value>(expression: string): Promise<Value>
  /** Waits for an element, and clicks it. */
  click(selector: string): Promise<void>
  /** Waits for a field, and replaces its text. */
  fill(selector: string, text: string): Promise<void>
  /** Waits until an element has a text, and returns the text. */
  textOf(selector: string): Promise<string>
}

/** Opens a page in a browser. The browser ends with the test. */
export async function openPage(t: Test, browser: string): Promise<Page> {
  const profile = fs.mkdtempSync(path.join(os.tmpdir(), 'fixdepot-browser-'))
  // Tests in containers run as root, and Chromium refuses to use its sandbox as root.
  const sandbox = process.getuid?.() === 0 ? ['--no-sandbox'] : []
  const quiet = [
    '--headless=new',
    '--disable-gpu',
    '--disable-dev-shm-usage',
    '--no-first-run',
    '--disable-background-networking'
  ]
  const options = [...quiet, ...sandbox, '--remote-debugging-port=0', `--user-data-dir=${profile}`]
  const child = spawn(browser, [...options, 'about:blank'], { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(child, 'close')
  t.teardown(async () => {
    child.kill('SIGKILL')
    await ended
    fs.rmSync(profile, { recursive: true, force: true, maxRetries: 10 })
  })
  const port = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error('The browser has not started')), START_MS)
    createInterface(child.stderr).on('line', (line) => {
      const [, found] = /^DevTools listening on ws:\/\/127\.0\.0\.1:(\d+)\//.exec(line) ?? []
      if (found === undefined) return
      clearTimeout(timer)
      resolve(found)
    })
  })
  const targets = (await (await fetch(`http://127.0.0.1:${port}/json/list`)).json()) as Record<string, string>[]
  const target = targets.find(({ type }) => type === 'page')?.webSocketDebuggerUrl ?? ''
  return pageOf(await connect(target))
}

interface Connection {
  send<Result>(method: string, params?: object): Promise<Result>
  /** Called for events of the browser. */
  onEvent: (method: string, params: never) => void
}

async function connect(url: string): Promise<Connection> {
  const socket = new WebSocket(url)
  const waiting = new Map<number, PromiseWithResolvers<never>>()
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve)
    socket.addEventListener('error', reject)
  })
  const connection: Connection = {
    send(method, params = {}) {
      const id = waiting.size + 1
      const answer = Promise.withResolvers<never>()
      waiting.set(id, answer)
      socket.send(JSON.stringify({ id, method, params }))
      return answer.promise
    },
    onEvent() {}
  }
  socket.addEventListener('message', ({ data }) => {
    const { id, result, error, method, params } = JSON.parse(String(data))
    if (id === undefined) connection.onEvent(method, params as never)
    else if (error === undefined) waiting.get(id)?.resolve(result as never)
    else waiting.get(id)?.reject(new Error(error.message))
  })
  return connection
}

interface Evaluated {
  readonly result: { readonly value: never }
  readonly exceptionDetails?: { readonly text: string; readonly exception?: { readonly description?: string } }
}

async function pageOf(connection: Connection): Promise<Page> {
  const errors: string[] = []
  connection.onEvent = (method: string, params: Record<string, Record<string, string>> & { type?: string }) => {
    const isError =
      (method === 'Log.entryAdded' && params.entry?.level === 'error') ||
      (method === 'Runtime.consoleAPICalled' && (params.type as string) === 'error') ||
      method === 'Runtime.exceptionThrown'
    if (isError) errors.push(params.entry?.text ?? JSON.stringify(params))
  }
  for (const domain of ['Log', 'Runtime', 'Page']) await connection.send(`${domain}.enable`)

  async function evaluate<Value>(expression: string): Promise<Value> {
    const { result, exceptionDetails: failure } = await connection.send<Evaluated>('Runtime.evaluate', {
      expression,
      returnByValue: true,
      awaitPromise: true
    })
    if (failure !== undefined) throw new Error(failure.exception?.description ?? failure.text)
    return result.value
  }
  const element = (selector: string) => `document.querySelector(${JSON.stringify(selector)})`
  const appears = (selector: string) =>
    until(`${selector} exists`, () => evaluate<boolean>(`${element(selector)} !== null`))
  return {
    errors,
    evaluate,
    async open(url) {
      await connection.send('Page.navigate', { url })
    },
    async click(selector) {
      await appears(selector)
      await evaluate(`${element(selector)}.click()`)
    },
    async fill(selector, text) {
      await appears(selector)
      await evaluate(`${element(selector)}.select()`)
      await connection.send('Input.insertText', { text })
    },
    async textOf(selector) {
      let text = ''
      await until(`${selector} has a text`, async () => {
        text = await evaluate<string>(`${element(selector)}?.textContent.trim() ?? ''`)
        return text !== ''
      })
      return text
    }
  }
}
