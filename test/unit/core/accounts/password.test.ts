import t from 'tap'
import { checkNewPassword, hashPassword, makePassword, verifyPassword } from '../../../../src/core/accounts/password.ts'
import { CHEAP } from '../../../support/api/logins.ts'

const RIGHT = { isRight: true, isOutdated: false }

t.test('made passwords have 144 bits, need no escaping in a URL, and never repeat', async (t) => {
  const passwords = Array.from({ length: 1000 }, makePassword)
  t.equal(new Set(passwords).size, passwords.length)
  for (const password of passwords) if (!/^[\w-]{24}$/.test(password)) t.fail(password)
})

t.test(
  'a hash is argon2id with its parameters, verifies its password and no other, and is another one each time',
  async (t) => {
    const password = 'correct horse battery'
    const kept = await hashPassword(password)
    t.match(kept, /^\$argon2id\$v=19\$m=47104,t=1,p=1\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$/)
    t.same(await verifyPassword(password, kept), RIGHT)
    t.not(await hashPassword(password, CHEAP), await hashPassword(password, CHEAP))
    const cheap = await hashPassword(password, CHEAP)
    for (const other of ['', `${password} `, password.slice(1), password.toUpperCase(), kept, cheap]) {
      t.equal((await verifyPassword(other, cheap, CHEAP)).isRight, false, other)
    }
  }
)

t.test('a hash of other parameters is right, and is to be made anew', async (t) => {
  const kept = await hashPassword('a password', CHEAP)
  t.same(await verifyPassword('a password', kept, { memory: 16, passes: 1 }), { isRight: true, isOutdated: true })
})

t.test('the same text typed as other code points is the same password', async (t) => {
  const kept = await hashPassword('pa\u0308sswo\u0308rd', CHEAP)
  t.same(await verifyPassword('p\u00e4ssw\u00f6rd', kept, CHEAP), RIGHT)
})

t.test('what is damaged, or not there, verifies nothing', async (t) => {
  const password = makePassword()
  const cheap = await hashPassword(password, CHEAP)
  const damaged = ['', '$', cheap.slice(1), cheap.slice(0, -1), `${cheap}A`, password]
  for (const kept of [undefined, ...damaged]) {
    for (const given of ['', password]) t.equal((await verifyPassword(given, kept, CHEAP)).isRight, false, `${kept}`)
  }
})

t.test('a new password that is too short or too long is refused without being quoted', async (t) => {
  for (const password of ['', 'canary7', 'canary'.repeat(200)]) {
    t.throws(() => checkNewPassword(password), {
      code: 'BODY_INVALID',
      message: /^A password must have 8 to 1024 characters, and this one has \d+\.$/
    })
  }
  for (const password of ['12345678', '        ', 'x'.repeat(1024)]) t.doesNotThrow(() => checkNewPassword(password))
})
