/** Turns what the validator found into a sentence that names the culprit. */
import type { FastifySchemaValidationError } from 'fastify'
import { isSecretName } from '../../core/hide-secrets.ts'
import { listOf } from '../../core/problems/message.ts'
import { Problem } from '../../core/problems/problem.ts'

const MAX_SHOWN = 100

interface SchemaError extends FastifySchemaValidationError {
  /** The value that was found, there with Ajv's option `verbose`. */
  readonly data?: unknown
  readonly parentSchema?: { readonly description?: string; readonly format?: string }
}

/** For Fastify's `schemaErrorFormatter`; `part` is `querystring`, `body` and so on. */
export function schemaProblem(errors: readonly FastifySchemaValidationError[], part: string): Problem {
  const [error] = errors as readonly SchemaError[]
  const isBody = part === 'body'
  const word = isBody ? 'attribute' : 'parameter'
  const text = error === undefined ? `The ${part} is not valid.` : sentence(error, word)
  return new Problem(isBody ? 'BODY_INVALID' : 'PARAMETER_INVALID', text)
}

function sentence(error: SchemaError, word: string): string {
  const { keyword, params } = error
  const show = isSecretName(error.instancePath) ? () => 'one that is not shown' : showValue
  const path = error.instancePath.split('/').slice(1)
  const name = path.length > 1 ? `${path[0]}[${path.slice(1).join('][')}]` : (path[0] ?? '')
  const subject = name === '' ? 'The body' : `The ${word} ${name}`
  switch (keyword) {
    case 'required':
      return `The ${word} ${[...path, params.missingProperty].join('.')} is missing.`
    case 'enum':
      return `${subject} has the value ${show(error.data)}; accepted are ${listOf(params.allowedValues as string[], 0)}.`
    case 'type':
      // A message never quotes what may be a password.
      if (error.parentSchema?.format === 'password') return `${subject} must be ${article(String(params.type))}.`
      return `${subject} must be ${article(String(params.type))}, and is ${show(error.data)}.`
    case 'maxItems':
      return `${subject} has ${(error.data as unknown[]).length} items; at most ${params.limit} are accepted.`
    case 'maxLength':
      return `${subject} is ${show(error.data)} and longer than ${params.limit} characters.`
    case 'minLength':
      return `${subject} is empty.`
    case 'additionalProperties':
      return `The ${word} ${[...path, params.additionalProperty].join('.')} is not known.`
    case 'pattern':
      return `${subject} has the value ${show(error.data)}; it must be ${error.parentSchema?.description ?? params.pattern}`
    default:
      return `${subject} ${error.message ?? 'is not valid'}.`
  }
}

/**
 * A value as a sentence can hold it. What is nested is only named: it may be nested deeper than a program can follow.
 */
function showValue(value: unknown): string {
  if (Array.isArray(value)) return 'an array'
  if (typeof value === 'object' && value !== null) return 'an object'
  if (typeof value !== 'string') return String(value)
  return value.length > MAX_SHOWN ? `${JSON.stringify(value.slice(0, MAX_SHOWN))}…` : JSON.stringify(value)
}

function article(type: string): string {
  return `${/^[aeiou]/.test(type) ? 'an' : 'a'} ${type}`
}
