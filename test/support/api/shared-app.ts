/** One app for all tests of a file: building one takes longer than most of the tests. */
import { setImmediate } from 'node:timers/promises'
import root, { type Test } from 'tap'
import { type App, buildApp } from '../../../src/http/app.ts'
import type { Services } from '../../../src/http/services.ts'

interface SharedApp {
  readonly app: App
  /** Of the test that has the app now. */
  services: Services
}

/** Apps that no test has now: more than one where a test had several at a time. */
const idle: SharedApp[] = []

/** An app over these services until the test ends. */
export async function borrowApp(t: Test, services: Services): Promise<App> {
  const shared = idle.pop() ?? (await makeShared(services))
  const { app } = shared
  shared.services = services
  t.teardown(async () => {
    app.server.closeAllConnections()
    // What ends with a connection has ended before the next test.
    await setImmediate()
    idle.push(shared)
  })
  return app
}

async function makeShared(services: Services): Promise<SharedApp> {
  const names = Object.keys(services) as (keyof Services)[]
  const current = () => shared.services
  const followed = Object.fromEntries(names.map((name) => [name, follow(services[name], () => current()[name])]))
  const app = await buildApp({ services: followed as unknown as Services, version: '0.0.0-test' })
  const shared: SharedApp = { app, services }
  root.teardown(() => app.close())
  return shared
}

/** Stands for what `current` gives at the time of each use; a text stays what it is. */
function follow(first: unknown, current: () => unknown): unknown {
  if (typeof first === 'string') return first
  return new Proxy(() => {}, {
    apply: (_target, _this, args) => (current() as (...args: unknown[]) => unknown)(...args),
    get: (_target, property) => Reflect.get(current() as object, property)
  })
}
