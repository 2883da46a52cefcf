/** Converts an error of the validator into a sentence that names the parameter or attribute. */
import type { FastifySchemaValidationError } from 'fastify'
import { isSecretName } from '../../core/problems/hide-secrets.ts'
import { listOf } from '../../core/problems/message.ts'
import { Problem } from '../../core/problems/problem.ts'

const MAX_SHOWN = 100

interface SchemaError extends FastifySchemaValidationError {
  /** The invalid value; Ajv sets it with the option `verbose`. */
  readonly data?: unknown
  readonly parentSchema?: { readonly description?: string; readonly format?: string }
}

/** For Fastify's `schemaErrorFormatter`; `part` is `querystring`, `body` and so on. */
export function schemaProblem(errors: readonly FastifySchemaValidationError[], part: string): Problem {
  const [error] = errors as readonly SchemaError[]
  const isBody = part === 'body'
  const noun = isBody ? 'attribute' : 'parameter'
  const text = error === undefined ? `The ${part} is not valid.` : sentence(error, noun)
  return new Problem(isBody ? 'BODY_INVALID' : 'PARAMETER_INVALID', text)
}

function sentence(error: SchemaError, noun: string): string {
  const { keyword, params } = error
  const show = isSecretName(error.instancePath) ? () => 'a hidden value' : showValue
  const path = error.instancePath.split('/').slice(1)
  const name = path.length > 1 ? `${path[0]}[${path.slice(1).join('][')}]` : (path[0] ?? '')
  const subject = name === '' ? 'The body' : `The ${noun} ${name}`
  switch (keyword) {
    case 'required':
      return `The ${noun} ${[...path, params.missingProperty].join('.')} is missing.`
    case 'enum':
      return `${subject} has the value ${show(error.data)}; accepted are ${listOf(params.allowedValues as string[], 0)}.`
    case 'type':
      // A message never quotes a possible password.
      if (error.parentSchema?.format === 'password') return `${subject} must be ${article(String(params.type))}.`
      return `${subject} must be ${article(String(params.type))}, and is ${show(error.data)}.`
    case 'maxItems':
      return `${subject} has ${(error.data as unknown[]).length} items; at most ${params.limit} are accepted.`
    case 'maxLength':
      return `${subject} is ${show(error.data)} and longer than ${params.limit} characters.`
    case 'minLength':
      return `${subject} is empty.`
    case 'additionalProperties':
      return `The ${noun} ${[...path, params.additionalProperty].join('.')} is unknown.`
    case 'pattern':
      return `${subject} has the value ${show(error.data)}; it must be ${error.parentSchema?.description ?? params.pattern}`
    default:
      return `${subject} ${error.message ?? 'is not valid'}.`
  }
}

/**
 * The value for a sentence. Nested values are only named, since their depth is not limited.
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
