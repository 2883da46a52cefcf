import t from 'tap'
import { FAILURES_KEPT_MS } from '../../../../src/core/accounts/failed-logins.ts'
import { createLoginGuard } from '../../../../src/core/accounts/login-guard.ts'
import type { LoginFailure } from '../../../../src/core/accounts/user.ts'
import type { Problem } from '../../../../src/core/problems/problem.ts'

const SECOND = 1_000
const MINUTE = 60 * SECOND

/** A guard over a list that stands for the database; `restart` makes another one of what is kept. */
function make() {
  let time = Date.parse('2026-04-05T06:07:08Z')
  const kept = new Map<string, LoginFailure>()
  const start = () =>
    createLoginGuard({
      failures: [...kept.values()],
      commands: {
        async recordFailures({ failures, forget }) {
          for (const failure of failures) kept.set(failure.key, failure)
          for (const key of forget) kept.delete(key)
        }
      },
      now: () => new Date(time)
    })
  let guard = start()
  /** Seconds to wait; 0 when the attempt was admitted. */
  const tryOnce = async (end: 'failed' | 'succeeded', user = 'ann', address = '192.0.2.1') => {
    try {
      await guard.admit(user, address)[end]()
      return 0
    } catch (error) {
      return (error as Problem).retryAfterSeconds
    }
  }
  return {
    kept,
    admit: (user: string, address: string) => guard.admit(user, address),
    fail: (user?: string, address?: string) => tryOnce('failed', user, address),
    succeed: (user?: string, address?: string) => tryOnce('succeeded', user, address),
    pass(milliseconds: number) {
      time += milliseconds
    },
    restart() {
      guard = start()
    }
  }
}

t.test('five failures are free, and then the wait doubles up to a quarter of an hour', async (t) => {
  const { fail, pass } = make()
  for (let count = 0; count < 5; count += 1) t.equal(await fail(), 0)
  for (const seconds of [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900]) {
    t.equal(await fail(), seconds, 'it is refused')
    t.equal(await fail(), seconds, 'and what was refused does not count')
    pass(seconds * SECOND)
    t.equal(await fail(), 0)
  }
})

t.test('the wait concerns neither the same user elsewhere nor another user from the same address', async (t) => {
  const { fail, succeed } = make()
  for (let count = 0; count < 5; count += 1) await fail()
  t.equal(await succeed(), 1)
  t.equal(await succeed('ann', '192.0.2.2'), 0)
  t.equal(await succeed('bob', '192.0.2.1'), 0)
})

t.test('an address that tries one user after the other has to wait as well, also within an IPv6 network', async (t) => {
  for (const address of [() => '192.0.2.1', (count: number) => `2001:db8:1:2::${count + 1}`]) {
    const { fail, pass } = make()
    for (let count = 0; count < 20; count += 1) t.equal(await fail(`user ${count}`, address(count)), 0)
    t.equal(await fail('another', address(99)), 1)
    pass(MINUTE)
    t.equal(await fail('another', address(99)), 0, 'one is forgiven each minute')
  }
})

t.test('a program with an old password hinders nobody else at its address', async (t) => {
  const { fail, succeed, pass } = make()
  for (let minute = 0; minute < 24 * 60; minute += 1) {
    await fail()
    pass(MINUTE)
    if ((await succeed('bob')) !== 0) t.fail(`bob has to wait in minute ${minute}`)
  }
})

t.test(
  'who has logged in from an address is not held up by others who guess there, until a day has passed',
  async (t) => {
    const { fail, succeed, pass } = make()
    t.equal(await succeed('ann'), 0)
    for (let guess = 0; guess < 25; guess += 1) await fail(`nobody ${guess}`)
    t.ok(((await succeed('bob')) ?? 0) > 0, 'somebody new has to wait')
    t.equal(await succeed('ann'), 0)
    for (let guess = 0; guess < 5; guess += 1) t.equal(await fail('ann'), 0)
    t.ok(((await fail('ann')) ?? 0) > 0, 'and her own password is guarded all the same')
    pass(FAILURES_KEPT_MS)
    for (let guess = 0; guess < 25; guess += 1) await fail(`somebody ${guess}`)
    t.ok(((await succeed('ann')) ?? 0) > 0)
  }
)

t.test('it survives a restart, and holds no names and addresses', async (t) => {
  const { fail, restart, kept, pass } = make()
  for (let count = 0; count < 6; count += 1) await fail()
  pass(-MINUTE)
  restart()
  t.equal(await fail(), 1, 'also when the clock was set back')
  t.notMatch(JSON.stringify([...kept.values()]), /ann|192/)
})

t.test('a success forgets the failures of its user, and those of its address stay', async (t) => {
  const { fail, succeed, kept } = make()
  for (let count = 0; count < 4; count += 1) await fail()
  t.equal(kept.size, 2)
  t.equal(await succeed(), 0)
  t.equal(kept.size, 1)
  for (let count = 0; count < 5; count += 1) t.equal(await fail(), 0)
})

t.test('after a day nothing is known of it', async (t) => {
  const { fail, pass } = make()
  for (let count = 0; count < 5; count += 1) await fail()
  pass(FAILURES_KEPT_MS)
  for (let count = 0; count < 5; count += 1) t.equal(await fail(), 0)
})

t.test('guesses that are sent all at once are counted before they have failed', async (t) => {
  const { admit } = make()
  const attempts = Array.from({ length: 5 }, () => admit('ann', '192.0.2.1'))
  t.throws(() => admit('ann', '192.0.2.1'), { code: 'LOGIN_TOO_OFTEN', retryAfterSeconds: 1 })
  for (const attempt of attempts) attempt.withdraw()
  t.doesNotThrow(() => admit('ann', '192.0.2.1'), 'what nobody could check does not count')
})

t.test('many programs with old passwords at one address are forgiven as fast as they fail', async (t) => {
  const { fail, succeed, pass } = make()
  for (let round = 0; round < 12; round += 1) {
    for (let user = 0; user < 10; user += 1) {
      await fail(`program ${user}`)
      pass(61_000)
    }
    if ((await succeed('bob')) !== 0) t.fail(`bob has to wait in round ${round}`)
  }
  for (let second = 0; second < 40; second += 1) {
    await fail(`more ${second}`)
    pass(30_000)
  }
  t.equal(await succeed('bob'), 0, 'half a minute forgives a half')
})
