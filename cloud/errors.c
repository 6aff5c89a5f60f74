/* What the caller should do about an error code of the cloud.
 *
 * Source: the vendor's lists of common codes and of codes per action, for every action in actions.c.  A code is
 * FAMILY or FAMILY.DETAIL; one row holds the details of a family that ask for the same.  "." stands for the bare
 * family.  Details that are not listed are unknown, and so is the caller's next step: PERM, and a human looks.
 *
 * UNKNOWN: the cloud broke while it worked, so a change may have been made all the same (reads turn it into TEMP). */
#include <string.h>

#include "cloud/api.h"

/* clang-format off */
static const struct row {
	const char *family;
	enum err_kind kind;
	const char *details;
} table[] = {
	/* Throttled: nothing was done. */
	{ "RequestLimitExceeded", ERR_LIMIT, ". CreateUser GlobalRegionUinLimitExceeded IPLimitExceeded UinLimitExceeded" },

	/* Our credentials, or the address we call from, are refused. */
	{ "AuthFailure", ERR_AUTH, ". AccessKeyIllegal InvalidAuthorization InvalidHeaderUin InvalidSecretId MFAFailure "
		"SecretIdNotFound SignatureExpire SignatureFailure TokenFailure" },
	{ "IpInBlacklist", ERR_AUTH, "." },
	{ "IpNotInWhitelist", ERR_AUTH, "." },

	/* Broke inside the cloud. */
	{ "InternalError", ERR_UNKNOWN, ". DescribeInstanceStatus DescribeInstancesReturnableError "
		"DescribeResourcesReturnableError GetSeedTokenError InvalidActionNotFound InvalidCommandNotFound SystemError "
		"TradeCallBillingGatewayFailed UnknownError" },
	{ "ServiceUnavailable", ERR_UNKNOWN, "." },
	{ "FailedOperation", ERR_UNKNOWN, "CreateInstancesFailed RequestError TradeCallBillingGatewayFailed" },

	/* Not there. */
	{ "ResourceNotFound", ERR_ABSENT, ". GroupNotExist InstanceIdNotFound InstanceNotFound NotFound PolicyIdNotFound "
		"SecretNotExist UserNotExist UserNotExists" },
	{ "InvalidParameter", ERR_ABSENT, "PolicyIdNotExist UserNotExist" },
	{ "InvalidParameterValue", ERR_ABSENT, "InvalidInvocationId InvalidInvocationTaskId" },

	/* Busy, or seen too early: it passes. */
	{ "FailedOperation", ERR_TEMP, ". Accesskey CVMError DescribeBlueprintsFailed DescribeInstanceStatus "
		"DescribeInstancesReturnableError DescribeResourcesReturnableError DestroyResourcesFailed GetUserAreaError "
		"InstanceOperationFailed IsolateResourcesFailed LighthouseError ModifyResourcesRenewFlagFailed PolicyNameInUse "
		"ResourceTagProcessing UnableToCreateInstances" },
	{ "InvalidParameter", ERR_TEMP, "SubUserNameInUse" },
	{ "OperationDenied", ERR_TEMP, "HaveKeys InstanceCreating InstanceOperationInProgress" },
	{ "ResourceInUse", ERR_TEMP, ". LogExist" },
	{ "ResourceUnavailable", ERR_TEMP, ". AgentNotInstalled AgentStatusNotOnline InstanceStateNotRunning ResourceOverdue" },
	{ "UnsupportedOperation", ERR_TEMP, "InvalidInstanceState LatestOperationUnfinished" },

	/* Money, stock, account quota. */
	{ "FailedOperation", ERR_QUOTA, "InsufficientBalance PolicyFull" },
	{ "InvalidParameter", ERR_QUOTA, "AttachmentFull SubUserFull" },
	{ "LimitExceeded", ERR_QUOTA, ". InstanceQuotaLimitExceeded IsolateResourcesLimitExceeded TagValue" },
	{ "OperationDenied", ERR_QUOTA, "AccessKeyOverLimit" },
	{ "ResourceInsufficient", ERR_QUOTA, "." },
	{ "ResourcesSoldOut", ERR_QUOTA, "BundleSoldOut PurchaseSourceHasNoBundleConfigs ZonesHasNoBundleConfigs" },
	{ "ResourceUnavailable", ERR_QUOTA, "BundleUnavailable UserHasNoQuotaCode" },

	/* Will not work by waiting: a right that our account lacks, a value that is refused, a setting that is wrong. */
	{ "UnauthorizedOperation", ERR_PERM, ". AssumeRoleUnauthorized CamAuthFailed DeleteApiKey InvalidToken MFAExpired "
		"MFANotFound NoPermission TokenInvalid" },
	{ "AuthFailure", ERR_PERM, "InvalidRegion UnauthorizedOperation" },
	{ "FailedOperation", ERR_PERM, "ExistHighRiskOperations ForbidAdd InitCommandContentTooLong "
		"OrganizationPolicyOperateError PolicyEnforcedInvalid Unmodifiable" },
	{ "InvalidParameter", ERR_PERM, ". AccessKeyNotSupport Action ActionError ActionMiss ActionNotExist "
		"ActionServiceNotExist BundleAndBlueprintNotMatch BundleIdNotFound ConditionContentError ConditionError "
		"ConditionTypeError ConflictParameter CreatingGamePortalInstanceNotSupportParameter DescriptionLengthOverlimit "
		"EffectError EnvId FilterValueLimitExceeded GroupIdError InvalidFilter InvalidFilterInvalidKey "
		"InvalidFilterInvalidNameNotStr InvalidFilterInvalidValuesNotList InvalidFilterNotDict "
		"InvalidFilterNotSupportedName InvalidUsername KeywordError NotSupportProduct OperateEntitiesOverLimit "
		"OperatePoliciesOverLimit ParamError ParameterConflict ParameterNameDuplicated PasswordViolatedRules "
		"PolicyDocumentError PolicyDocumentLengthOverLimit PolicyIdError PolicyNameError PrincipalError PrincipalQcsError "
		"PrincipalQcsNotExist PrincipalServiceNotExist ReservedTagKey ResourceContentError ResourceError ResourceProjectError "
		"ResourceQcsError ResourceRegionError ResourceServiceNotExist ResourceUinError RoleNotExist ScopeError "
		"SearchKeywordLengthError ServiceLinkedPolicyCantInPermissionBoundary ServiceTypeError StatementError Tag "
		"UinError UnsupportedService UserNameIllegal UserUinAndUinNotAllNull VersionError" },
	{ "InvalidParameterValue", ERR_PERM, ". AgentUnsupportedCommandType BlueprintId BlueprintIdMalformed "
		"BundleAndBlueprintNotMatch BundleNotSupportBlueprintPlatform ClientTokenTooLong CommandContentInvalid "
		"CommandNameDuplicated Duplicated FirewallTemplateIdMalformed InconsistentInstance InstanceIdMalformed "
		"InstanceNameTooLong InvalidBlueprintId InvalidBlueprintPlatformType InvalidBlueprintState InvalidBlueprintType "
		"InvalidBundle InvalidBundleBlueprintCombination InvalidCommandId InvalidCommandName InvalidContent InvalidFilter "
		"InvalidInstanceId InvalidIpFormat InvalidOutputCOSBucketUrl InvalidOutputCOSKeyPrefix InvalidParameterCombination "
		"InvalidPassword InvalidUsername InvalidWorkingDirectory InvalidZone KeyPairIdMalformed LackOfParameterInfo "
		"LimitExceeded Negative OutOfRange ParameterDisabled ParameterInvalidJsonFormat ParameterKeyContainsInvalidChar "
		"ParameterKeyDuplicated ParameterKeyLenExceeded ParameterNumberExceeded ParameterValueNotString Range "
		"ResourceDescriptionError SupportParametersOnlyIfEnableParameter TagKeyCharacterIllegal TagKeyDuplicate TagKeyEmpty "
		"TagKeyLengthExceeded TagValueCharacterIllegal TagValueEmpty TagValueLengthExceeded TooLong ZoneInvalid" },
	{ "LimitExceeded", ERR_PERM, "FilterValueExceeded ResourceNumPerRequest TagNumPerRequest" },
	{ "MissingParameter", ERR_PERM, ". OrderFieldRequired Param" },
	{ "OperationDenied", ERR_PERM, ". PolicyTagConflict SubUin UinNotMatch" },
	{ "ResourceNotFound", ERR_PERM, "BlueprintIdNotFound BlueprintNotFound CosBucketNotFoundCode FirewallTemplateNotFound "
		"KeyPairNotFound RoleNotFound SceneIdNotFound" },
	{ "ResourceUnavailable", ERR_PERM, "InvalidPurchaseRequestSource InvoiceAmountLack LighthouseUnsupportedRegion" },
	{ "UnsupportedOperation", ERR_PERM, ". InstanceLinuxUnixCreatingNotSupportPassword ResourceNotReturnable" },
	{ "ActionOffline", ERR_PERM, "." },
	{ "DryRunOperation", ERR_PERM, "." },
	{ "InvalidAction", ERR_PERM, "." },
	{ "InvalidRequest", ERR_PERM, "." },
	{ "NoSuchProduct", ERR_PERM, "." },
	{ "NoSuchVersion", ERR_PERM, "." },
	{ "RequestSizeLimitExceeded", ERR_PERM, "." },
	{ "ResponseSizeLimitExceeded", ERR_PERM, "." },
	{ "UnknownParameter", ERR_PERM, "." },
	{ "UnsupportedProtocol", ERR_PERM, "." },
	{ "UnsupportedRegion", ERR_PERM, "." },
};
/* clang-format on */

static bool lists(const char *details, const char *detail)
{
	size_t n = strcspn(detail, " ");
	if (detail[n])
		return false;
	for (const char *p = details; *p; p += strcspn(p, " "), p += strspn(p, " ")) {
		if (!strncmp(p, detail, n) && (p[n] == ' ' || !p[n]))
			return true;
	}
	return false;
}

enum err_kind api_error_kind(const char *code, bool *known)
{
	size_t family = strcspn(code, ".");
	const char *detail = code[family] ? code + family + 1 : ".";
	*known = true;
	for (size_t i = 0; i < ARRAY_LEN(table); i++) {
		const struct row *r = &table[i];
		if (strlen(r->family) == family && !memcmp(r->family, code, family) && lists(r->details, detail))
			return r->kind;
	}
	/* Throttling has details that no list names. */
	if (family == strlen("RequestLimitExceeded") && !memcmp(code, "RequestLimitExceeded", family))
		return ERR_LIMIT;
	*known = false;
	return ERR_PERM;
}

bool api_key_refused(const char *code)
{
	static const char family[] = "AuthFailure.", details[] = "AccessKeyIllegal InvalidAuthorization InvalidSecretId "
		"SecretIdNotFound SignatureFailure TokenFailure";
	return !strcmp(code, "AuthFailure") || (!strncmp(code, family, sizeof(family) - 1) && lists(details, code + sizeof(family) - 1));
}
