import fc from 'fast-check'
import t from 'tap'
import { hashMadePassword, makePassword, verifierForHash, verifierForPassword } from '../../src/core/password.ts'

t.test('made passwords have 144 bits, need no escaping in a URL, and never repeat', async (t) => {
  const passwords = Array.from({ length: 1000 }, makePassword)
  t.equal(new Set(passwords).size, passwords.length)
  for (const password of passwords) if (!/^[\w-]{24}$/.test(password)) t.fail(password)
})

t.test('a hash verifies its password and no other', async (t) => {
  const password = makePassword()
  const verify = verifierForHash('admin', hashMadePassword(password))
  t.ok(verify('admin', password))
  for (const other of ['', makePassword(), `${password} `, password.slice(1), password.toUpperCase()]) {
    t.notOk(verify('admin', other), other)
  }
  for (const user of ['', 'Admin', 'admin ', 'root']) t.notOk(verify(user, password), user)
})

t.test('a hash contains the password in no form, and is another one each time', async (t) => {
  for (let round = 0; round < 50; round += 1) {
    const password = makePassword()
    const hash = hashMadePassword(password)
    for (const form of [
      password,
      ...(['base64url', 'base64', 'hex'] as const).map((form) => encoded(password, form))
    ]) {
      if (hash.includes(form)) t.fail(`${hash} contains ${form}`)
    }
    t.not(hashMadePassword(password), hash)
  }
})

t.test('a hash that is damaged verifies nothing', async (t) => {
  const password = makePassword()
  const [kind, salt, digest] = hashMadePassword(password).split('$')
  for (const hash of ['', '$', '$$', 'sha256', `${kind}$${salt}`, `${kind}$${salt}$`, `${kind}$$${digest}`, password]) {
    const verify = verifierForHash('admin', hash)
    for (const given of ['', password]) t.notOk(verify('admin', given), `${hash} with ${given}`)
  }
})

t.test('a password of the settings is accepted exactly as it is', async () => {
  const text = fc.oneof(
    fc.string({ unit: 'grapheme' }),
    fc.constantFrom('', 'a', 'admin', 'p\u00e4ss', 'x'.repeat(5000))
  )
  fc.assert(
    fc.property(text, text, text, text, (user, password, givenUser, givenPassword) => {
      const verify = verifierForPassword(user, password)
      const isRight = givenUser === user && givenPassword === password
      return verify(user, password) && verify(givenUser, givenPassword) === isRight
    })
  )
})

function encoded(text: string, form: BufferEncoding): string {
  return Buffer.from(text).toString(form)
}
