//! The roots of the API: nobody comes past them whom the table of rules does not let in, whatever a resolver forgets.

use std::{borrow::Cow, pin::Pin};

use async_graphql::{
    ContainerType, Context, ContextSelectionSet, ObjectType, OutputType, Positioned, Response,
    ServerError, ServerResult, SubscriptionType, Value, parser::types::Field, registry::Registry,
};
use futures_util::{Stream, stream};

use super::{
    access,
    context::{Fault, viewer},
};

/// A root with the table before it.
#[derive(Default)]
pub struct Ruled<T>(T);

/// Refuses whoever may not use the entry point that is asked for.
fn check(ctx: &Context<'_>) -> Result<(), ServerError> {
    access::check(ctx.field().name(), viewer(ctx)).map_err(|error| {
        let error = async_graphql::Error::from(Fault::from(error));
        ctx.set_error_path(error.into_server_error(ctx.item.pos))
    })
}

impl<T: ObjectType> ContainerType for Ruled<T> {
    async fn resolve_field(&self, ctx: &Context<'_>) -> ServerResult<Option<Value>> {
        let Err(refused) = check(ctx) else { return self.0.resolve_field(ctx).await };
        let root = ctx.schema_env.registry.types.get(&*T::type_name());
        let field = root.and_then(|root| root.field_by_name(ctx.field().name()));
        if field.is_some_and(|field| field.ty.ends_with('!')) {
            return Err(refused);
        }
        // A failure of what can be null nulls itself only.
        ctx.add_error(refused);
        Ok(Some(Value::Null))
    }
}

impl<T: ObjectType> OutputType for Ruled<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    async fn resolve(
        &self,
        ctx: &ContextSelectionSet<'_>,
        _: &Positioned<Field>,
    ) -> ServerResult<Value> {
        async_graphql::resolver_utils::resolve_container(ctx, self).await
    }
}

impl<T: ObjectType> ObjectType for Ruled<T> {}

impl<T: SubscriptionType> SubscriptionType for Ruled<T> {
    fn type_name() -> Cow<'static, str> {
        T::type_name()
    }

    fn create_type_info(registry: &mut Registry) -> String {
        T::create_type_info(registry)
    }

    fn create_field_stream<'a>(
        &'a self,
        ctx: &'a Context<'_>,
    ) -> Option<Pin<Box<dyn Stream<Item = Response> + Send + 'a>>> {
        match check(ctx) {
            Ok(()) => self.0.create_field_stream(ctx),
            Err(refused) => {
                let answer = Response::from_errors(vec![refused]);
                Some(Box::pin(stream::once(std::future::ready(answer))))
            }
        }
    }
}
