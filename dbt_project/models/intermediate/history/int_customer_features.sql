{{ customer_features(ref('int_customer_spine'), extra=['active_hours']) }}
